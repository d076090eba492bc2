// What the contract suites must have run, by device: a check that is skipped where it should run is a failure.

const EDU = 'only edu has the registers that it uses'
const CONSTANT = 'no register of the device is known to hold a constant'
const SCRATCH = 'no register of the device may be written freely'
const INTERRUPTS = 'the device has no interrupts'
const HIGH_FRAMES = 'huge pages lie anywhere in the memory, and it reaches only what lies below 256 MiB'
const NO_LIMIT = 'the platform sets no limit to the number of mappings'

/** Why checks may be skipped on any device, by interface. */
const platforms = {
  vfio: [],
  iommufd: [NO_LIMIT],
  noiommu: [
    NO_LIMIT,
    'the platform lets nobody choose bus addresses',
    'nothing refuses an access by the device, which would reach memory that is not its own',
  ],
}

/** Why tests beside the contract suites are skipped: the stock kernel cannot be made to see an error of the bus. */
const others = { vfio: ['the kernel injects none'], iommufd: [], noiommu: [] }

/** Devices that an engine makes move bytes. */
const WITH_ENGINE = ['qemu-edu', 'qemu-edu-64', 'qemu-nvme']

/** From below, so that one that is lost is noticed. */
const ENGINE_CHECKS = 14

/** Why checks may be skipped, by device. Written a second time on purpose: test/lab says what it skips. */
const skips = {
  'qemu-edu': [],
  'qemu-edu-64': [],
  'qemu-pci-testdev': [EDU, SCRATCH, INTERRUPTS],
  'qemu-nvme': [EDU],
  'qemu-intel-hda': [EDU],
  'qemu-e1000e': [EDU],
  'qemu-ich9-ahci': [EDU],
  'qemu-lsi53c895a': [EDU, CONSTANT],
  'qemu-ivshmem-plain': [EDU, INTERRUPTS],
  'qemu-bochs-display': [EDU, INTERRUPTS],
}

export const jestInGuest = (backend) => `${jestLine(backend)} --json --outputFile=$PROBAR_OUT/contract.json`

/** One file of test/lab, judged by its exit status. */
export const jestLine = (file) =>
  'node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js' +
  ` --selectProjects lab --testPathPatterns test/lab/${file}.test --runInBand --ci`

/** @param results what jest wrote; `expect(holds, otherwise)` collects what does not hold */
export function judgeContract(backend, results, expect) {
  const tests = results?.testResults?.flatMap(({ assertionResults }) => assertionResults) ?? []
  expect(tests.length > 0, `${backend}: the contract suites left no results`)
  expect(results?.success === true, `${backend}: the contract suites failed`)
  for (const [device, reasons] of Object.entries(skips)) judgeDevice(backend, device, reasons, tests, expect)
  judgeOthers(backend, tests, expect)
}

function judgeOthers(backend, tests, expect) {
  const beside = tests.filter(({ ancestorTitles }) => !ancestorTitles.some((title) => title.includes(' contract: ')))
  const skipped = beside.filter(({ status }) => status !== 'passed').map(({ title }) => reasonIn(title))
  const same = skipped.toSorted().join() === others[backend].toSorted().join()
  expect(same, `${backend}: beside the contract suites was skipped for ${skipped.join(', ') || 'nothing'}`)
}

function judgeDevice(backend, device, reasons, tests, expect) {
  const of = (suite) =>
    tests.filter(({ ancestorTitles }) => ancestorTitles.includes(`${suite} contract: ${backend} ${device}`))
  const checks = of('device')
  const passed = checks.filter(({ status }) => status === 'passed').length
  const found = new Set(checks.filter(({ status }) => status === 'pending').map(({ title }) => reasonIn(title)))
  if (backend === 'noiommu' && device === 'qemu-edu') {
    expect(checks.length === 1 && found.has(HIGH_FRAMES), `${device} without an IOMMU is not skipped as a whole`)
    return
  }
  const wanted = new Set([...reasons, ...platforms[backend]])
  // A check that needs two things names the first that is missing, so one of a platform's reasons may not show.
  const unexpected = [...found].filter((reason) => !wanted.has(reason))
  const missing = reasons.filter((reason) => !found.has(reason))
  expect(unexpected.length === 0, `${backend}, ${device}: skipped for ${unexpected.join(', ')}`)
  expect(missing.length === 0, `${backend}, ${device}: no check was skipped for ${missing.join(', ')}`)
  const least = backend === 'noiommu' ? 26 : 36
  expect(passed >= least, `${backend}, ${device}: ${passed} checks passed, not ${least}`)
  if (!WITH_ENGINE.includes(device)) return
  const engine = of('engine').filter(({ status }) => status === 'passed').length
  expect(engine >= ENGINE_CHECKS, `${backend}, ${device}: ${engine} checks of the engine passed, not ${ENGINE_CHECKS}`)
}

const reasonIn = (title) => /\(skipped: (.*)\)$/.exec(title)?.[1] ?? `no reason (${title})`
