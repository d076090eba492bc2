import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { OsError } from '../../../src/base/errors.ts'
import { noIommuTarget } from '../../../src/session/target/noiommu-target.ts'
import { type VfioPlaces, iommufdTarget, vfioTarget } from '../../../src/session/target/vfio-target.ts'
import { type FakeFunction, FakeSysfs } from '../host/sysfs.ts'

const ADDRESS = '0000:01:00.0'
const READY: FakeFunction = {
  driver: 'vfio-pci',
  group: 12,
  registers: { 0: 0xfea0_0000 },
  resources: { 0: '0xfea00000 0xfeafffff 0x40200' },
}

/** The target of a machine with this one function and a file for each group. */
function target(fn: FakeFunction, groups: readonly number[] = [12], access: () => void = () => undefined): unknown {
  using sysfs = new FakeSysfs({ [ADDRESS]: fn })
  const folder = mkdtempSync(join(tmpdir(), 'probar-groups-'))
  for (const group of groups) writeFileSync(join(folder, String(group)), '')
  try {
    return vfioTarget(ADDRESS, { sysfs: sysfs.path, groups: folder, access })
  } catch (error) {
    return error
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('a function as a target of VFIO', () => {
  it('is what sysfs tells of it', () => {
    expect(target(READY)).toMatchObject({
      address: ADDRESS,
      group: 12,
      driver: 'vfio-pci',
      identity: { vendor: 0x1234, device: 0x11e8 },
      bars: [{ index: 0, start: 0xfea0_0000n, size: 0x10_0000 }],
    })
  })

  it('is refused without an IOMMU group; the message says how to switch the IOMMU on', () => {
    expect(target({ driver: 'vfio-pci' })).toMatchObject({
      code: 'iommu-unavailable',
      message: expect.stringMatching(/0000:01:00\.0.*intel_iommu=on/),
    })
  })

  it('is refused while another driver has it; the message gives the command that changes that', () => {
    expect(target({ ...READY, driver: 'e1000e' })).toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/bound to e1000e.*'probar bind 0000:01:00\.0'/),
    })
  })

  it('is refused without a driver', () => {
    expect(target({ group: 12 })).toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/has no driver.*'probar bind 0000:01:00\.0'/),
    })
  })

  it('is refused without the file of its group; the message says which module makes it', () => {
    expect(target(READY, [1])).toMatchObject({
      code: 'iommu-unavailable',
      message: expect.stringMatching(/\/12 is not there.*modprobe vfio-pci/),
    })
  })

  it('is refused when the file of its group may not be opened; the message says who may and how to get it', () => {
    const cause = Object.assign(new Error('EACCES'), { code: 'EACCES' })
    const error = target(READY, [12], () => {
      throw cause
    })
    expect(error).toBeInstanceOf(OsError)
    expect(error).toMatchObject({
      code: 'permission-denied',
      syscall: 'open',
      cause,
      message: expect.stringMatching(/\/12 may not be opened: run as root, or .*chown/),
    })
  })

  it('is refused while a neighbour in its group has a driver; the message names both', () => {
    const group = { group: 12 }
    const find = (driver: string): unknown => {
      using sysfs = new FakeSysfs({
        [ADDRESS]: { ...READY, neighbours: ['0000:01:00.1'] },
        '0000:01:00.1': { ...group, driver },
      })
      try {
        return vfioTarget(ADDRESS, { sysfs: sysfs.path, groups: sysfs.path, access: () => undefined })
      } catch (error) {
        return error
      }
    }
    expect(find('snd_hda_intel')).toMatchObject({
      code: 'group-not-viable',
      message: expect.stringMatching(/IOMMU group 12 has 0000:01:00\.1 on snd_hda_intel: unbind it/),
    })
    expect(find('pcieport')).not.toMatchObject({ code: 'group-not-viable' })
  })

  it('is refused when there is no such function', () => {
    using sysfs = new FakeSysfs({})
    const places = { sysfs: sysfs.path, groups: '/nowhere', access: () => undefined }
    expect(() => vfioTarget(ADDRESS, places)).toThrow(expect.objectContaining({ code: 'device-absent' }))
  })
})

/** Calls `find` on a machine with this one function and these files under /dev/vfio. */
function withFiles(
  fn: FakeFunction,
  files: readonly string[],
  find: (places: VfioPlaces, mode: string) => unknown,
): unknown {
  using sysfs = new FakeSysfs({ [ADDRESS]: fn })
  const groups = mkdtempSync(join(tmpdir(), 'probar-groups-'))
  for (const file of files) writeFileSync(join(groups, file), '')
  try {
    return find({ sysfs: sysfs.path, groups, access: () => undefined }, join(groups, 'mode'))
  } catch (error) {
    return error
  } finally {
    rmSync(groups, { recursive: true })
  }
}

/** As the kernel names the function among VFIO's devices, with these attributes. */
function nameDevice({ sysfs = '' }: VfioPlaces, attributes: readonly string[]): void {
  const folder = join(sysfs, ADDRESS, 'vfio-dev/vfio7')
  mkdirSync(folder, { recursive: true })
  for (const name of attributes) writeFileSync(join(folder, name), '511:0')
}

describe('a function as a target of iommufd', () => {
  const find = (places: VfioPlaces): unknown => iommufdTarget(ADDRESS, places)

  it('has a file of its own, by the name that the kernel gave it', () => {
    const found = withFiles(READY, [], (places) => {
      nameDevice(places, ['dev'])
      return find(places)
    })
    expect(found).toMatchObject({ group: 12, deviceFile: '/dev/vfio/devices/vfio7' })
  })

  it('is refused where the kernel names it without making a file', () => {
    const found = withFiles(READY, [], (places) => {
      nameDevice(places, [])
      return find(places)
    })
    expect(found).toMatchObject({ code: 'iommu-unavailable' })
  })

  it('is refused where the kernel makes no such files; the message names what it lacks and the way without', () => {
    expect(withFiles(READY, ['12'], find)).toMatchObject({
      code: 'iommu-unavailable',
      message: expect.stringMatching(/--backend vfio.*CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV/),
    })
  })
})

describe('a function as a target of noiommu', () => {
  const find = (places: VfioPlaces, mode: string): unknown => noIommuTarget(ADDRESS, places, mode)

  it('is one whose group has the file of that mode', () => {
    expect(withFiles(READY, ['noiommu-12', 'mode'], find)).toMatchObject({ group: 12, driver: 'vfio-pci' })
  })

  it('is refused while an IOMMU stands in front of it', () => {
    expect(withFiles(READY, ['12', 'mode'], find)).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/behind an IOMMU.*--backend vfio or iommufd/),
    })
  })

  it('is refused where the kernel has no such mode', () => {
    expect(withFiles({ driver: 'e1000e' }, [], find)).toMatchObject({
      code: 'iommu-unavailable',
      message: expect.stringContaining('CONFIG_VFIO_NOIOMMU'),
    })
  })

  it('is refused while that mode is off; the message has the command that turns it on', () => {
    expect(withFiles({ driver: 'e1000e' }, ['mode'], find)).toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/As root.*: echo 1 > .*mode$/),
    })
  })

  it('is no target of the back ends that need an IOMMU', () => {
    const asked = [vfioTarget, iommufdTarget].map((target) =>
      withFiles(READY, ['noiommu-12'], (places) => target(ADDRESS, places)),
    )
    for (const error of asked) {
      expect(error).toMatchObject({ code: 'iommu-unavailable', message: expect.stringContaining('--backend noiommu') })
    }
  })
})
