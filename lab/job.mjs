// Inside the guest: does with a workflow's job what a runner would do, but for what needs GitHub or a network. Takes a plan
// (lab/workflow.mjs writes it) and leaves what became of each step in $PROBAR_OUT/steps.json.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const out = process.env.PROBAR_OUT
const plan = JSON.parse(readFileSync(process.argv[2], 'utf8'))
writeFileSync(join(out, 'steps.json'), JSON.stringify(plan.jobs.map(runJob)))

/** Steps in order; after one that failed only those with `if: always()`. */
function runJob({ name, env, steps }) {
  const temporary = mkdtempSync(join(tmpdir(), 'job-'))
  const workspace = join(temporary, 'workspace')
  mkdirSync(workspace)
  const files = Object.fromEntries(
    ['PATH', 'ENV', 'OUTPUT', 'STEP_SUMMARY'].map((file) => [file, join(temporary, file)]),
  )
  for (const file of Object.values(files)) writeFileSync(file, '')
  const surroundings = {
    ...process.env,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: temporary,
    RUNNER_TRACKING_ID: 'github_dry-run',
    ...Object.fromEntries(Object.entries(files).map(([file, path]) => [`GITHUB_${file}`, path])),
    ...env,
  }
  let failed = false
  const results = steps.map((step) => {
    const result =
      failed && step.if !== 'always()'
        ? { outcome: 'skipped' }
        : runStep(step, { workspace, temporary, files, surroundings })
    failed ||= result.outcome === 'failure'
    return { step: step.name ?? step.uses, ...result }
  })
  for (const { with: given } of steps.filter(uploads)) keep(join(workspace, given.path), join(out, name))
  rmSync(temporary, { recursive: true })
  return { name, steps: results }
}

function runStep(step, { workspace, temporary, files, surroundings }) {
  if (step.uses !== undefined || step.replaced) return { outcome: 'not run' }
  const script = join(temporary, 'step.sh')
  writeFileSync(script, step.run)
  const added = readFileSync(files.PATH, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .toReversed()
  const env = { ...surroundings, ...step.env, PATH: [...added, process.env.PATH].join(':') }
  // A runner's shell for Linux, where the step names none.
  const { status, signal, stdout, stderr } = spawnSync('bash', ['-e', script], {
    cwd: workspace,
    env,
    encoding: 'utf8',
  })
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  return { outcome: status === 0 ? 'success' : 'failure', status: status ?? signal, stdout, stderr }
}

function uploads({ uses }) {
  return uses?.startsWith('actions/upload-artifact@') === true
}

/** What the upload would have found. */
function keep(folder, target) {
  if (existsSync(folder)) cpSync(folder, target, { recursive: true })
}
