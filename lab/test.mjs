// The real path: the contract suites over every device of the virtual bench, and all cases over edu, behind a real
// kernel's VFIO and IOMMU, by each of the kernel's interfaces. Then the loopback must give the same verdicts. One guest
// an interface, because booting costs more than most of what runs in it. iommufd and noiommu need the bench's own
// kernel: that part runs in CI, and wherever the kernel was built before (probar lab setup --kernel own). Needs a build
// (npm run test:lab makes it).
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jestInGuest, jestLine, judgeContract } from './acceptance/contract.mjs'
import { root, runGuest } from './acceptance/guest.mjs'
import { judgeLists, judgeRules, judgeSame, judgeStreams, judgeUnscratched } from './acceptance/runs.mjs'
import { judgeShortage, shortageSteps } from './acceptance/shortage.mjs'
import { SOUND_DEVICES, judgeSound, soundSteps } from './acceptance/sound.mjs'
import { dryRun } from './workflow.mjs'

const folder = mkdtempSync(join(tmpdir(), 'probar-lab-'))
const ALL = ['--devices', 'all']
/** A device of many vectors, and two functions in one slot: test/lab/functions.test.ts. The bench has eleven before them. */
const FURTHER = ['nec-usb-xhci', 'edu,multifunction=on,addr=0', 'edu,bus=port13,addr=0.1'].flatMap((device) => [
  '--qemu-device',
  device,
])
const OWN = ['--kernel', 'own']
const EDU = '0000:01:00.0'
const EDU_64 = '0000:02:00.0'
const NVME = '0000:04:00.0'
const HDA = '0000:05:00.0'
const OTHERS = ['03', '04', '05', '06', '07', '08', '09', '0a'].map((bus) => `0000:${bus}:00.0`)
/** Without an IOMMU nothing is revoked, nobody chooses bus addresses, and no fault is seen. */
const NOIOMMU_SKIPS = ['not-revocable', 'identity-placement', 'faults-not-observable']
/** Seconds: only a guest that hangs needs so long. Healthy ones took 900 behind type 1, and 190 to 810 elsewhere. */
const TIMEOUT = { vfio: 2400, iommufd: 1500, noiommu: 900, kills: 1200, sound: 900 }
/** Seconds a case: one of them makes all mappings that the kernel allows, 65,535 calls by an emulated processor. */
const CASE_TIMEOUT = 300
const STREAMS = '--suite ks --suite wavert'
const failures = []
const ownKernel = hasOwnKernel()

/** Each starts when it is its turn: two at once where there is the own kernel. */
const interfaces = {
  vfio: () =>
    runGuest({
      name: 'vfio',
      folder,
      options: [...ALL, ...FURTHER],
      timeout: TIMEOUT.vfio,
      steps: {
        functions: jestLine('functions'),
        run: runLine(EDU, 'run.json'),
        wide: runLine(EDU_64, 'wide.json', '--profile qemu-edu-64'),
        iommufd: `probar run --device ${EDU} --backend iommufd`,
        nvme: runLine(NVME, 'nvme.json'),
        hda: runLine(HDA, 'hda.json', STREAMS),
        unscratched: unscratchedLine(),
        doctor: doctorLine('vfio'),
        type1: runLine(EDU, 'type1.json', '--backend vfio --type1 v1'),
        ...Object.fromEntries(OTHERS.map((device) => [`bars-${device}`, barsLine(device)])),
        ...shortageSteps(EDU),
        // the last, for in the end it takes edu away
        contract: jestInGuest('vfio'),
      },
    }),
  iommufd: () =>
    runGuest({
      name: 'iommufd',
      folder,
      options: [...OWN, ...ALL, ...FURTHER],
      timeout: TIMEOUT.iommufd,
      steps: {
        functions: jestLine('functions'),
        run: runLine(EDU, 'run.json'),
        nvme: runLine(NVME, 'nvme.json'),
        hda: runLine(HDA, 'hda.json', STREAMS),
        doctor: doctorLine('vfio,iommufd'),
        contract: jestInGuest('iommufd'),
      },
    }),
  /** A device that a driver has: taken, and given back whatever happens. */
  kills: () =>
    runGuest({
      name: 'kills',
      folder,
      options: [...OWN, '--devices', 'qemu-e1000e', '--bind', 'none'],
      timeout: TIMEOUT.kills,
      steps: { kills: `node lab/acceptance/kills.mjs 0000:01:00.0 e1000e` },
    }),
  /** Of its own, because sound is recorded from the guest's start to its end. */
  sound: (backend, options) =>
    runGuest({
      name: `sound-${backend}`,
      folder,
      options: [...options, '--devices', SOUND_DEVICES],
      timeout: TIMEOUT.sound,
      steps: soundSteps(backend),
    }),
  noiommu: () =>
    runGuest({
      name: 'noiommu',
      folder,
      options: [...OWN, ...ALL, '--iommu', 'none'],
      timeout: TIMEOUT.noiommu,
      steps: {
        doctor: doctorLine('none'),
        contract: jestInGuest('noiommu'),
        refused: `probar run --device ${EDU_64} --profile qemu-edu-64 --backend noiommu`,
        run: runLine(EDU_64, 'run.json', noIommuWords()),
      },
    }),
}

try {
  const model = runOnLoopback('edu')
  runOnLoopback('sg')
  dryRun({ bench: (out, words) => probar('lab', 'run', '--timeout', '600', '--out', out, '--', ...words), expect })
  if (ownKernel) {
    await Promise.all([
      interfaces.vfio().then((guest) => judgeStock(guest, model)),
      // one after the other: the third guest would only wait for a core
      interfaces
        .iommufd()
        .then((guest) => judgeOwn(guest, model))
        .then(interfaces.noiommu)
        .then(judgeNoIommu)
        .then(interfaces.kills)
        .then((guest) => expectStatus(guest, 'kills', 0, 'killing runs')),
    ])
    judgeSound('iommufd', await interfaces.sound('iommufd', OWN), expect)
  } else {
    judgeStock(await interfaces.vfio(), model)
  }
  judgeSound('vfio', await interfaces.sound('vfio', []), expect)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const failure of failures) process.stderr.write(`test:lab: ${failure}\n`)
if (!ownKernel) {
  const what = 'iommufd, noiommu and the kills were not run'
  process.stdout.write(`test:lab: ${what}: there is no own kernel (probar lab setup --kernel own)\n`)
}
const ran = ownKernel ? 'all' : 'what was run'
process.stdout.write(failures.length === 0 ? `test:lab: ${ran} held\n` : `test:lab: ${failures.length} did not hold\n`)
process.exitCode = failures.length === 0 ? 0 : 1

function hasOwnKernel() {
  if (process.env.CI !== undefined) return true
  const cache = join(root, '.cache/lab')
  mkdirSync(cache, { recursive: true })
  return readdirSync(cache).some((name) => /^own-[0-9a-f]{12}-/.test(name))
}

function runLine(device, file, words = '') {
  const reporters = `--reporter json=$PROBAR_OUT/${file} --reporter console`
  return `probar run --device ${device} ${words} --timeout ${CASE_TIMEOUT} ${reporters}`
}

/** Cases of BARs, on a device that nothing can make move bytes; what its profile does not name is skipped. */
function barsLine(device) {
  return `probar run --device ${device} --suite dxgk --allow-skip no-known-register`
}

/** A disk of which no block may be written: no case may move data through it. */
function unscratchedLine() {
  const allowed = ['engine-carries-nothing', 'no-known-register', 'no-cyclic-engine']
    .map((code) => `--allow-skip ${code}`)
    .join(' ')
  return runLine(NVME, 'unscratched.json', `--profile test/lab/nvme-without-scratch.yaml ${allowed}`)
}

/** @param backends by which the doctor must find edu ready; `none` for a guest without an IOMMU */
function doctorLine(backends) {
  return `node lab/acceptance/doctor.mjs ${backends}`
}

function noIommuWords() {
  const allowed = NOIOMMU_SKIPS.map((code) => `--allow-skip ${code}`)
  return ['--profile qemu-edu-64 --backend noiommu --unsafe-noiommu', ...allowed].join(' ')
}

function judgeStock(guest, model) {
  judgeContract('vfio', guest.json('contract.json'), expect)
  expectStatus(guest, 'functions', 0, 'vectors, ROM, ports and resets behind vfio')
  judgeSame(guest, 'run', { backend: 'vfio', model }, expect)
  judgeSame(guest, 'wide', { backend: 'vfio', model }, expect)
  judgeLists(guest, 'nvme', expect)
  judgeStreams(guest, 'hda', expect)
  judgeUnscratched(guest, 'unscratched', expect)
  judgeRules('the stock kernel', recordsOf(guest, 'run', 'wide', 'nvme', 'hda'), expect)
  judgeSame(guest, 'type1', { backend: 'vfio', model }, expect)
  const version = guest.json('type1.json')?.dmaInterface
  expect(version === 'type1', `the interface of version 1 was ${version}`)
  judgeShortage(guest, expect)
  expectStatus(guest, 'iommufd', 3, 'iommufd without iommufd in the kernel')
  expectStatus(guest, 'doctor', 0, 'the doctor behind type 1')
  for (const device of OTHERS) expectStatus(guest, `bars-${device}`, 0, `the cases of BARs on ${device}`)
}

function judgeOwn(guest, model) {
  judgeContract('iommufd', guest.json('contract.json'), expect)
  expectStatus(guest, 'functions', 0, 'vectors, ROM, ports and resets behind iommufd')
  judgeSame(guest, 'run', { backend: 'iommufd', model }, expect)
  judgeLists(guest, 'nvme', expect)
  judgeStreams(guest, 'hda', expect)
  judgeRules('the own kernel', recordsOf(guest, 'run', 'nvme', 'hda'), expect)
  expectStatus(guest, 'doctor', 0, 'the doctor behind iommufd')
}

function judgeNoIommu(guest) {
  judgeContract('noiommu', guest.json('contract.json'), expect)
  expectStatus(guest, 'refused', 2, 'noiommu without --unsafe-noiommu')
  expectStatus(guest, 'doctor', 0, 'the doctor without an IOMMU')
  expectStatus(guest, 'run', 0, 'probar run without an IOMMU')
  const run = guest.json('run.json')
  if (run === null) return
  const { pass, skip } = run.summary
  expect(run.backend === 'noiommu', `the back end was ${run.backend}`)
  const said = `${pass} cases passed and ${skip} were skipped without an IOMMU`
  expect(pass >= 145 && pass + skip === run.cases.length, said)
  const codes = new Set(run.cases.flatMap(({ reason }) => reason?.code ?? []))
  for (const code of NOIOMMU_SKIPS) expect(codes.has(code), `no case was skipped for ${code}`)
}

function recordsOf(guest, ...steps) {
  return steps.map((step) => guest.path(`${step}.json`))
}

/** A session with all cases on a modelled device: what the bench must show, too. */
function runOnLoopback(model) {
  const file = join(folder, `loopback-${model}.json`)
  const status = probar('run', '--device', `loopback:${model}`, '--reporter', `json=${file}`)
  expect(status === 0, `probar run on loopback:${model} ended with ${status}`)
  return status === 0 ? JSON.parse(readFileSync(file, 'utf8')) : null
}

function probar(...words) {
  return spawnSync(process.execPath, ['dist/cli/main.js', ...words], { cwd: root, stdio: 'inherit' }).status
}

function expectStatus(guest, step, wanted, what) {
  expect(guest.status(step) === wanted, `${what} ended with ${guest.status(step)}, not ${wanted}`)
}

function expect(holds, otherwise) {
  if (!holds) failures.push(otherwise)
}
