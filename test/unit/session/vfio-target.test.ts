import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { OsError } from '../../../src/base/errors.ts'
import { readPciFunction } from '../../../src/host/linux/pci-functions.ts'
import { readiness, vfioTarget } from '../../../src/session/vfio-target.ts'
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

  it('is refused while another driver has it; the message gives the commands that change that', () => {
    expect(target({ ...READY, driver: 'e1000e' })).toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/bound to e1000e.*echo vfio-pci > .*driver_override.*unbind.*drivers_probe/),
    })
  })

  it('is refused without a driver; then nothing is to be unbound', () => {
    expect(target({ group: 12 })).toMatchObject({
      code: 'device-driver',
      message: expect.stringMatching(/has no driver(?!.*unbind).*drivers_probe/),
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

  it('is refused when there is no such function', () => {
    using sysfs = new FakeSysfs({})
    const places = { sysfs: sysfs.path, groups: '/nowhere', access: () => undefined }
    expect(() => vfioTarget(ADDRESS, places)).toThrow(expect.objectContaining({ code: 'device-absent' }))
  })
})

it.each([
  [READY, undefined],
  [{ ...READY, driver: 'nvme' }, 'bound to nvme'],
  [{ group: 3 }, 'no driver'],
  [{ driver: 'vfio-pci' }, 'no IOMMU group'],
] as const)('the readiness of %p is %s', (fn, expected) => {
  using sysfs = new FakeSysfs({ [ADDRESS]: fn })
  expect(readiness(readPciFunction(ADDRESS, sysfs.path))).toBe(expected)
})
