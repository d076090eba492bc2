import { describe, expect, it } from '@jest/globals'
import { type DiagnoseOptions, type Diagnosis, diagnose } from '../../../src/session/machine/diagnose.ts'
import { judgeFunctions } from '../../../src/session/machine/readiness.ts'
import { HEALTHY } from '../host/doctor/healthy.ts'
import { FakeMachine, type Tree, block, mounts, pci } from '../host/machine-use/fake-machine.ts'

const ADDRESS = '0000:03:00.0'
const FOLDER = `/sys/devices/pci0000:00/${ADDRESS}`
/** QEMU's edu, given out by VFIO through both interfaces. */
const EDU: Tree = {
  ...pci(ADDRESS, { number: 7 }),
  ...mounts(['0:2', '/', 'tmpfs', 'tmpfs']),
  [`${FOLDER}/vendor`]: '0x1234\n',
  [`${FOLDER}/device`]: '0x11e8\n',
  [`${FOLDER}/class`]: '0x00ff00\n',
  [`${FOLDER}/config`]: Buffer.alloc(64),
  [`${FOLDER}/resource`]: '',
  [`${FOLDER}/driver`]: '=> ../vfio-pci',
  [`${FOLDER}/vfio-dev/vfio0/dev`]: '249:0\n',
  '/dev/vfio/7': '',
  '/dev/vfio/devices/vfio0': '',
}

function diagnosisOf(tree: Tree, options: DiagnoseOptions): Diagnosis {
  using machine = new FakeMachine(HEALTHY, EDU, tree)
  return diagnose({ root: machine.root, addon: 'built', ...options })
}

const badOf = ({ machine, device }: Diagnosis): readonly string[] =>
  [...machine, ...device].filter(({ state }) => state === 'bad').map(({ check }) => check)

describe('a machine', () => {
  it('is ready for both interfaces, and shows nothing of a device', () => {
    expect(diagnosisOf({}, {})).toMatchObject({ ready: true, backends: ['vfio', 'iommufd'], device: [] })
  })

  it('is ready for one without the other', () => {
    const noLimit = { '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit': '0' }
    expect(diagnosisOf(noLimit, {})).toMatchObject({ ready: true, backends: ['iommufd'] })
  })

  it('is not ready without the addon', () => {
    const diagnosis = diagnosisOf({}, { addon: 'was not built' })
    expect(diagnosis).toMatchObject({ ready: false, backends: [] })
    expect(badOf(diagnosis)).toEqual(['addon'])
  })
})

describe('a device', () => {
  it('is ready by what was asked for', () => {
    expect(diagnosisOf({}, { device: ADDRESS })).toMatchObject({
      ref: ADDRESS,
      ready: true,
      backends: ['vfio', 'iommufd'],
    })
    expect(diagnosisOf({}, { device: `iommufd:${ADDRESS}` })).toMatchObject({ ready: true, backends: ['iommufd'] })
  })

  it('is not ready for noiommu mode while an IOMMU stands in front of it', () => {
    expect(badOf(diagnosisOf({}, { device: `noiommu:${ADDRESS}` }))).toEqual(['noiommu-device'])
  })

  it('is not ready when no profile matches, or another is named', () => {
    const strange = { [`${FOLDER}/device`]: '0x9999\n' }
    expect(badOf(diagnosisOf(strange, { device: ADDRESS }))).toEqual(['profile'])
    expect(badOf(diagnosisOf(strange, { device: ADDRESS, profile: 'qemu-edu' }))).toEqual(['profile'])
  })

  it('is not ready while the machine lives on it', () => {
    const used = {
      ...block(`pci0000:00/${ADDRESS}/nvme/nvme0n1`, '259:0'),
      ...mounts(['259:0', '/', 'ext4', '/dev/nvme0n1']),
    }
    const diagnosis = diagnosisOf(used, { device: ADDRESS })
    expect(diagnosis).toMatchObject({ ready: false, backends: [] })
    expect(badOf(diagnosis)).toEqual(['machine-use'])
  })

  it.each([
    ['loopback:edu', 'usage'],
    ['03:00', 'reference-unknown'],
    ['0000:03:20.0', 'reference-unknown'],
    ['0000:99:00.0', 'device-absent'],
  ])('that is named %s is refused: %s', (device, code) => {
    expect(() => diagnosisOf({}, { device })).toThrow(expect.objectContaining({ code }))
  })
})

describe('a listing judges as the doctor does', () => {
  const problemOf = (tree: Tree): string | undefined => {
    using machine = new FakeMachine(HEALTHY, EDU, tree)
    return judgeFunctions({ root: machine.root }).find(({ fn }) => fn.address === ADDRESS)?.problem
  }
  const OTHER = '0000:04:00.0'
  const neighbour = {
    ...pci(ADDRESS, { number: 7, others: [OTHER] }),
    [`/sys/devices/pci0000:00/${OTHER}/driver`]: '=> ../snd',
  }

  it.each([
    ['nothing', {}, undefined],
    ['another driver', { [`${FOLDER}/driver`]: '=> ../e1000e' }, 'bound to e1000e'],
    [
      'a mounted disk',
      { ...block(`pci0000:00/${ADDRESS}/nvme/nvme0n1`, '259:0'), ...mounts(['259:0', '/x', 'ext4', '/dev/nvme0n1']) },
      'in use: file system',
    ],
    [
      'a neighbour with a driver',
      { ...neighbour, [`/sys/bus/pci/devices/${OTHER}`]: `-> /sys/devices/pci0000:00/${OTHER}` },
      `group not viable: ${OTHER} on snd`,
    ],
    ['a bridge', { [`${FOLDER}/class`]: '0x060400\n' }, 'a bridge'],
    ['a holder', { '/proc/9/comm': 'qemu\n', '/proc/9/fd/3': '=> /dev/vfio/7' }, 'held by qemu (process 9)'],
  ] as const)('%s', (_, tree, expected) => {
    expect(problemOf(tree)).toBe(expected)
  })
})
