// The real path: the contract suites and all cases in the virtual bench, on a device that others modelled, behind a
// real kernel's VFIO and IOMMU, by each of the kernel's interfaces. Then the loopback must give the same verdicts.
// iommufd and noiommu need the bench's own kernel: that part runs in CI, and wherever the kernel was built before
// (probar lab setup --kernel own). Needs a build (npm run test:lab makes it).
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dryRun } from './workflow.mjs'

const root = join(import.meta.dirname, '..')
const probar = join(root, 'dist/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'probar-lab-'))
const DEVICE = '0000:01:00.0'
const OWN = ['--kernel', 'own']
const failures = []

try {
  const model = runOnLoopback()
  contractSuite('vfio', [])
  const bench = runInBench('stock', [], [])
  if (bench !== undefined && model !== undefined) judge(bench, model, 'vfio')
  versionOne()
  machineRunsOut()
  expect(statusInBench([], ['--backend', 'iommufd']) === 3, 'iommufd without iommufd in the kernel did not end with 3')
  dryRun({
    bench: (out, words) => node(probar, 'lab', 'run', '--timeout', '600', '--out', out, '--', ...words),
    expect,
  })
  if (hasOwnKernel()) onOwnKernel(model)
  else process.stdout.write('test:lab: iommufd and noiommu skipped: no own kernel (probar lab setup --kernel own)\n')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const failure of failures) process.stderr.write(`test:lab: ${failure}\n`)
process.stdout.write(failures.length === 0 ? 'test:lab: all held\n' : `test:lab: ${failures.length} did not hold\n`)
process.exitCode = failures.length === 0 ? 0 : 1

function versionOne() {
  const run = runInBench('type1', [], ['--backend', 'vfio', '--type1', 'v1'])
  if (run === undefined) return
  expect(run.dmaInterface === 'type1', `the interface of version 1 was ${run.dmaInterface}`)
  expect(
    run.summary.pass === run.cases.length,
    `${run.summary.pass} of ${run.cases.length} cases passed over version 1`,
  )
}

/** A user who may lock 64 KiB has enough; who may lock 16 KiB, or map 3 times, gets errors and no broken rule. */
function machineRunsOut() {
  const user =
    'chown -R nobody /dev/vfio "$PROBAR_OUT"; sysctl -qw kernel.dmesg_restrict=0; setpriv --reuid nobody --clear-groups'
  const enough = runWithLine('memlock-64', `${user} prlimit --memlock=65536:65536`)
  expect(enough.status === 0, `with 64 KiB of locked memory the run ended with ${enough.status}`)
  const little = runWithLine('memlock-16', `${user} prlimit --memlock=16384:16384`)
  expectShortage(little, 'out-of-memory')
  const limit = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'
  expectShortage(runWithLine('entries-3', `echo 3 > ${limit};`), 'dma-entries-exhausted')
}

function runWithLine(name, line) {
  const out = join(folder, name)
  const cases = '--case dma/device-writes-exactly-the-list --case mdl/size-limit'
  const run = `node ${probar} run --device ${DEVICE} ${cases} --reporter json="$PROBAR_OUT"/run.json`
  const status = node(probar, 'lab', 'run', '--out', out, '--', `${line} ${run}`)
  return { name, status, cases: record(join(out, 'run.json'))?.cases ?? [] }
}

function expectShortage({ name, status, cases }, code) {
  expect(status === 4, `${name}: the run ended with ${status}, not 4`)
  for (const { id, verdict, reason } of cases) {
    expect(verdict === 'pass' || verdict === 'error', `${name}: ${id} is a ${verdict} (${reason?.text})`)
    if (verdict === 'error') expect(reason.code === code, `${name}: ${id} ended with ${reason.code}, not ${code}`)
  }
  expect(
    cases.some(({ verdict }) => verdict === 'pass'),
    `${name}: no case passed before it ran out`,
  )
}

function hasOwnKernel() {
  if (process.env.CI !== undefined) return true
  const cache = join(root, '.cache/lab')
  mkdirSync(cache, { recursive: true })
  return readdirSync(cache).some((name) => name.startsWith('own-'))
}

function onOwnKernel(model) {
  contractSuite('iommufd', OWN)
  const bench = runInBench('own', OWN, [])
  if (bench !== undefined && model !== undefined) judge(bench, model, 'iommufd')
  withoutIommu()
}

/** Frames lie anywhere in the guest's memory, so the device must be one that reaches all of it. */
function withoutIommu() {
  const profile = join(folder, 'edu-64.yaml')
  writeFileSync(profile, wideProfile())
  const guest = [...OWN, '--iommu', 'none', '--devices', profile]
  contractSuite('noiommu', guest)
  const noiommu = ['--profile', profile, '--backend', 'noiommu']
  expect(statusInBench(guest, noiommu) === 2, 'noiommu without --unsafe-noiommu did not end with 2')
  const skips = ['not-revocable', 'identity-placement']
  const allowed = skips.flatMap((code) => ['--allow-skip', code])
  const run = runInBench('noiommu', guest, [...noiommu, '--unsafe-noiommu', ...allowed])
  if (run === undefined) return
  const { pass, skip } = run.summary
  expect(run.backend === 'noiommu', `the back end was ${run.backend}`)
  expect(
    pass >= 50 && pass + skip === run.cases.length,
    `${pass} cases passed and ${skip} were skipped without an IOMMU`,
  )
  const codes = new Set(run.cases.flatMap(({ reason }) => reason?.code ?? []))
  for (const code of skips) expect(codes.has(code), `no case was skipped for ${code}`)
}

/** The profile of edu, of a device that is started with all address bits. */
function wideProfile() {
  const text = readFileSync(join(root, 'hw-profiles/qemu-edu.yaml'), 'utf8')
  const wide = text.replace('addressBits: 28', 'addressBits: 64').replace(/^name: .*/m, 'name: edu-64')
  return wide.replace(/device: edu$/m, "device: edu\n    properties: { dma_mask: '0xffffffffffffffff' }")
}

function contractSuite(backend, guest) {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
  const only = ['--selectProjects', 'lab', '--testPathPatterns', `test/lab/${backend}.test`, '--runInBand', '--ci']
  const status = node(probar, 'lab', 'run', '--timeout', '600', ...guest, '--', 'node', ...jest, ...only)
  expect(status === 0, `the contract suites over ${backend} ended with ${status}`)
}

function runInBench(name, guest, words) {
  const out = join(folder, name)
  const run = ['npx', 'probar', 'run', '--device', DEVICE, ...words, '--reporter', 'json=$PROBAR_OUT/run.json']
  const status = node(probar, 'lab', 'run', ...guest, '--out', out, '--', ...run)
  expect(status === 0, `probar run in the bench (${name}) ended with ${status}`)
  return record(join(out, 'run.json'))
}

/** For what must be refused. */
function statusInBench(guest, words) {
  return node(probar, 'lab', 'run', ...guest, '--', 'npx', 'probar', 'run', '--device', DEVICE, ...words)
}

function runOnLoopback() {
  const file = join(folder, 'loopback.json')
  const status = node(probar, 'run', '--device', 'loopback:edu', '--reporter', `json=${file}`)
  expect(status === 0, `probar run on the loopback ended with ${status}`)
  return record(file)
}

/** What the bench must show; numbers from below, so that a case that is lost is noticed. */
function judge(bench, model, backend) {
  const passes = bench.cases.filter(({ verdict }) => verdict === 'pass')
  const byDevice = passes.filter(({ witness }) => witness === 'device')
  expect(bench.backend === backend, `the back end was ${bench.backend}, not ${backend}`)
  expect(passes.length >= 30, `${passes.length} cases passed through ${backend}, not 30`)
  expect(byDevice.length >= 12, `${byDevice.length} cases have the device as witness, not 12`)
  expect(bench.summary.skip === 0, `${bench.summary.skip} cases were skipped in the bench`)
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
