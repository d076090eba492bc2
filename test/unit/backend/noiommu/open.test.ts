import { describe, expect, it } from '@jest/globals'
import { openNoIommu } from '../../../../src/backend/noiommu/open.ts'
import { FakeVfio } from '../vfio-device/fake-vfio.ts'

const target = {
  address: '0000:01:00.0',
  group: 3,
  driver: 'vfio-pci',
  identity: { vendor: 0x1234, device: 0x11e8, subsystemVendor: 0, subsystem: 0, revision: 0x10, classCode: 0xff00 },
  bars: [],
}
const open = (fake: FakeVfio) => {
  const native = Object.assign(fake.native, { physicalFrames: () => new Float64Array() })
  return openNoIommu(target, { native, addressBits: 64 })
}

describe('opening without an IOMMU', () => {
  it('goes through the group of noiommu mode and never asks for an IOMMU’s ranges', () => {
    const fake = new FakeVfio()
    using device = open(fake)
    expect(fake.calls.slice(0, 4)).toEqual(['openContainer', 'openGroup', 'setIommu', 'openDevice'])
    expect(fake.calls).not.toContain('iommuInfo')
    expect(device).toMatchObject({ ref: 'noiommu:0000:01:00.0', backend: 'noiommu' })
    device.close()
    expect(fake.kinds).toEqual([])
  })

  it.each(['openGroup', 'setIommu', 'openDevice', 'interruptInfo'] as const)(
    'leaves nothing open when %s fails',
    (call) => {
      const fake = new FakeVfio()
      fake.failing = { call }
      expect(() => open(fake)).toThrow(call)
      expect(fake.kinds).toEqual([])
    },
  )
})
