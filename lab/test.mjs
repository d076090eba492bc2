// The real path: the contract suite and all cases in the virtual bench, on a device that others modelled, behind a real
// kernel's VFIO and IOMMU. Then the loopback must give the same verdicts. Needs a build (npm run test:lab makes it).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const probar = join(root, 'dist/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'probar-lab-'))
const failures = []

try {
  contractSuite()
  const [bench, model] = [runInBench(), runOnLoopback()]
  if (bench !== undefined && model !== undefined) judge(bench, model)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const failure of failures) process.stderr.write(`test:lab: ${failure}\n`)
process.stdout.write(failures.length === 0 ? 'test:lab: all held\n' : `test:lab: ${failures.length} did not hold\n`)
process.exitCode = failures.length === 0 ? 0 : 1

function contractSuite() {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
  const status = node(
    probar,
    'lab',
    'run',
    '--timeout',
    '600',
    '--',
    'node',
    ...jest,
    '--selectProjects',
    'lab',
    '--runInBand',
    '--ci',
  )
  expect(status === 0, `the contract suite ended with ${status}`)
}

function runInBench() {
  const out = join(folder, 'bench')
  const run = ['npx', 'probar', 'run', '--device', '0000:01:00.0', '--reporter', 'json=$PROBAR_OUT/run.json']
  const status = node(probar, 'lab', 'run', '--out', out, '--', ...run)
  expect(status === 0, `probar run in the bench ended with ${status}`)
  return record(join(out, 'run.json'))
}

function runOnLoopback() {
  const file = join(folder, 'loopback.json')
  const status = node(probar, 'run', '--device', 'loopback:edu', '--reporter', `json=${file}`)
  expect(status === 0, `probar run on the loopback ended with ${status}`)
  return record(file)
}

/** What the bench must show; numbers from below, so that a case that is lost is noticed. */
function judge(bench, model) {
  const passes = bench.cases.filter(({ verdict }) => verdict === 'pass')
  const byDevice = passes.filter(({ witness }) => witness === 'device')
  expect(bench.backend === 'vfio', `the back end was ${bench.backend}`)
  expect(passes.length >= 30, `${passes.length} cases passed through vfio, not 30`)
  expect(byDevice.length >= 12, `${byDevice.length} cases have the device as witness, not 12`)
  expect(bench.summary.skip === 0, `${bench.summary.skip} cases were skipped in the bench`)
  const modelled = new Map(model.cases.map(({ id, verdict }) => [id, verdict]))
  for (const { id, verdict } of bench.cases) {
    expect(modelled.get(id) === verdict, `${id}: ${verdict} in the bench, ${modelled.get(id)} on the loopback`)
  }
  expect(bench.cases.length === model.cases.length, 'the bench and the loopback ran different cases')
  expect(
    model.cases.every(({ witness }) => witness === 'model'),
    'the loopback claims a witness that it does not have',
  )
}

function node(...args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status
}

function record(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    failures.push(`no record: ${error.message}`)
    return undefined
  }
}

function expect(holds, otherwise) {
  if (!holds) failures.push(otherwise)
}
