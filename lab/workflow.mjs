// examples/ci/self-hosted.yml, run dry: its job as a runner would do it, in one guest of the bench with a device on it. What
// needs GitHub (`uses:`) or a network (npm) is reported as not run. The job must fail where the doctor says no.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { XmlDocument } from 'libxml2-wasm'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '..')
/** The guest has no network, and Probar comes from this checkout. */
const WITHOUT_NETWORK = ['npm ci']
const ABSENT = '0000:1f:00.0'

/**
 * @param bench runs words in a guest with --out FOLDER and returns the exit status
 * @param expect notes a failure: (holds, otherwise)
 * @param print takes lines about each step
 */
export function dryRun({ bench, expect, print = (text) => process.stdout.write(text) }) {
  const folder = mkdtempSync(join(tmpdir(), 'probar-workflow-'))
  try {
    const { env, steps } = job()
    const plan = {
      jobs: [
        { name: 'as-written', env, steps },
        { name: 'absent-device', env: { ...env, DEVICE: ABSENT }, steps },
      ],
    }
    const file = join(folder, 'plan.json')
    writeFileSync(file, JSON.stringify(plan))
    const out = join(folder, 'out')
    const status = bench(out, ['node', join(root, 'lab/job.mjs'), file])
    expect(status === 0, `the guest with the workflow ended with ${status}`)
    if (status !== 0) return
    const [written, absent] = JSON.parse(readFileSync(join(out, 'steps.json'), 'utf8'))
    for (const { step, outcome, status = '' } of written.steps) print(`workflow: ${step}: ${outcome} ${status}\n`)
    judgeWritten(written, join(out, 'as-written'), env.DEVICE, expect)
    judgeAbsent(absent, expect)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function job() {
  const workflow = parse(readFileSync(join(root, 'examples/ci/self-hosted.yml'), 'utf8'))
  const { env, steps } = workflow.jobs.device
  const known = steps.map((step) => ({ ...step, replaced: WITHOUT_NETWORK.includes(step.run?.trim()) }))
  const text = JSON.stringify(known.filter(({ uses }) => uses === undefined))
  if (text.includes('${{')) throw new Error('a step has an expression, which a dry run does not evaluate')
  return { env: { ...workflow.env, ...env }, steps: known }
}

function judgeWritten({ steps }, reports, device, expect) {
  for (const { step, outcome, status } of steps) {
    expect(
      outcome !== 'failure' && outcome !== 'skipped',
      `the workflow's step '${step}' ended with ${outcome}, ${status}`,
    )
  }
  const ran = steps.filter(({ outcome }) => outcome === 'success')
  expect(ran.length === 3, `${ran.length} steps of the workflow ran, not 3`)
  try {
    agree(join(reports, 'probar.json'), join(reports, 'probar.xml'), device, expect)
  } catch (error) {
    expect(false, `the workflow's reports: ${error.message}`)
  }
}

/** Both reports tell of one run, and a device stood behind it. */
function agree(json, xml, device, expect) {
  const record = JSON.parse(readFileSync(json, 'utf8'))
  const { root: suites } = XmlDocument.fromString(readFileSync(xml, 'utf8'))
  const ids = suites.find('//testcase').map((one) => one.attr('name').value)
  const { pass, fail, skip, xfail, xpass, error } = record.summary
  const counted = ['failure', 'error', 'skipped'].map((name) => suites.find(`//${name}`).length)
  expect(record.device.ref.endsWith(device), `the workflow ran on ${record.device.ref}, not ${device}`)
  expect(pass > 0, 'nothing passed in the workflow')
  expect(
    record.cases.some(({ witness }) => witness === 'device'),
    'no device stood behind the workflow',
  )
  expect(String(ids) === String(record.cases.map(({ id }) => id)), 'JUnit and JSON name different cases')
  expect(
    String(counted) === String([fail + xpass, error, skip + xfail]),
    `JUnit counts ${counted.join()}, the record otherwise`,
  )
}

/** The doctor stops the job, says why, and nothing is left that could pass for a report. */
function judgeAbsent({ steps }, expect) {
  const doctor = steps.find(({ step }) => step === 'Doctor')
  const run = steps.find(({ step }) => step === 'Run')
  expect(doctor?.status === 3, `the doctor ended with ${doctor?.status} for a device that is not there, not 3`)
  expect(`${doctor?.stdout}${doctor?.stderr}`.includes(ABSENT), 'the doctor did not name the device that is not there')
  expect(run?.outcome === 'skipped', `after the doctor's failure the run was ${run?.outcome}, not skipped`)
  expect(run?.status === undefined, 'a run without a device has a status')
}
