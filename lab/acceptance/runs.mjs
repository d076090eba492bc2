// What runs of cases in the bench must have shown. Numbers are from below, so that a case that is lost is noticed.
import { spawnSync } from 'node:child_process'
import { root } from './guest.mjs'

/** What edu cannot do, by its profile; all that it is asked for besides must pass. */
export const EDU_SKIPS = ['engine-too-simple', 'no-cyclic-engine']
/** Nothing shows a caching type on an emulated processor, which has no caches: of these a model is the only witness. */
const WITHOUT_HARDWARE = ['MDL-081', 'MDL-082']
const FAMILIES = /^(MDL|DMA|VER|KSM|WRT)-/

/**
 * A run of all cases on edu, and the same run on its model, which must come to the same verdicts.
 * @param step its status must be 0; its record is the file STEP.json
 */
export function judgeSame(guest, step, { backend, model }, expect) {
  const bench = recordOf(guest, step, `probar run in the bench (${backend}, ${step})`, expect)
  if (bench === null || model === null) return
  expect(bench.backend === backend, `the back end was ${bench.backend}, not ${backend}`)
  expectPasses(bench, `${backend}, ${step}`, { cases: 200, byDevice: 55 }, expect)
  expectSkips(bench, `${backend}, ${step}`, EDU_SKIPS, expect)
  const modelled = new Map(model.cases.map(({ id, verdict }) => [id, verdict]))
  for (const { id, verdict } of bench.cases) {
    expect(modelled.get(id) === verdict, `${id}: ${verdict} through ${backend}, ${modelled.get(id)} on the loopback`)
  }
  expect(bench.cases.length === model.cases.length, 'the bench and the loopback ran different cases')
  expect(
    model.cases.every(({ witness }) => witness === 'model'),
    'the loopback claims a witness that it does not have',
  )
}

/** All cases on an engine that takes lists: nvme has no register that inverts, and walks through no buffer by itself. */
export function judgeLists(guest, step, expect) {
  const run = recordOf(guest, step, 'probar run on the NVM Express controller', expect)
  if (run === null) return
  expectPasses(run, step, { cases: 200, byDevice: 55 }, expect)
  expectSkips(run, step, ['no-known-register', 'no-cyclic-engine'], expect)
}

/** The cases of streams on a sound controller, which carries no bytes of a case's choosing. */
export function judgeStreams(guest, step, expect) {
  const run = recordOf(guest, step, 'the cases of streams on the sound controller', expect)
  if (run === null) return
  expectPasses(run, step, { cases: 50, byDevice: 5 }, expect)
  expectSkips(run, step, ['no-dma-engine', 'engine-too-simple'], expect)
}

/** Without scratch blocks no case may move data through a disk. */
export function judgeUnscratched(guest, step, expect) {
  const run = recordOf(guest, step, 'probar run on a disk without scratch blocks', expect)
  if (run === null) return
  const refused = run.cases.filter(({ reason }) => reason?.code === 'engine-carries-nothing')
  expect(refused.length >= 40, `${refused.length} cases were skipped on a disk without scratch blocks, not 40`)
  expect(
    run.cases.every(({ verdict }) => verdict === 'pass' || verdict === 'skip'),
    'a case failed on a disk without scratch blocks',
  )
}

/** Every core rule of these families is proven by these records, or has a reason why nothing can. */
export function judgeRules(where, records, expect) {
  const words = ['dist/cli/main.js', 'rules', '--json', '--coverage', ...records]
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
  expect(status === 0, `rules --coverage of ${where} ended with ${status}`)
  if (status !== 0) return
  const rules = JSON.parse(stdout).rules.filter(({ id, core }) => core && FAMILIES.test(id))
  expect(rules.length > 160, `${where}: ${rules.length} core rules, not more than 160`)
  const left = rules.filter(({ id, standing, reason }) => {
    return standing !== 'proven' && reason === undefined && !WITHOUT_HARDWARE.includes(id)
  })
  expect(left.length === 0, `${where}: not proven: ${left.map(({ id }) => id).join(', ')}`)
}

function recordOf(guest, step, what, expect) {
  const status = guest.status(step)
  expect(status === 0, `${what} ended with ${status}, not 0`)
  return guest.json(`${step}.json`)
}

function expectPasses(run, where, least, expect) {
  const passes = run.cases.filter(({ verdict }) => verdict === 'pass')
  const byDevice = passes.filter(({ witness }) => witness === 'device')
  const skipped = run.cases.filter(({ verdict }) => verdict === 'skip')
  expect(passes.length >= least.cases, `${where}: ${passes.length} cases passed, not ${least.cases}`)
  expect(
    byDevice.length >= least.byDevice,
    `${where}: the device is witness of ${byDevice.length}, not ${least.byDevice}`,
  )
  expect(passes.length + skipped.length === run.cases.length, `${where}: not all cases passed or were skipped`)
}

function expectSkips(run, where, codes, expect) {
  const others = run.cases.filter(({ verdict, reason }) => verdict === 'skip' && !codes.includes(reason?.code))
  const said = others.map(({ id, reason }) => `${id} (${reason?.code})`).join(', ')
  expect(others.length === 0, `${where}: skipped without need: ${said}`)
}
