import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../../src/base/errors.ts'
import { type Type1Version, openVfio } from '../../../../src/backend/vfio/open.ts'
import type { Device } from '../../../../src/device/contract.ts'
import { FakeVfio } from '../vfio-device/fake-vfio.ts'

const target = {
  address: '0000:01:00.0',
  group: 12,
  driver: 'vfio-pci',
  identity: { vendor: 0x1234, device: 0x11e8, subsystemVendor: 0, subsystem: 0, revision: 0x10, classCode: 0xff00 },
  bars: [],
}

function open(fake: FakeVfio, type1?: Type1Version): Device {
  const options = { native: fake.native, addressBits: 64, random: () => 0, keepFree: [] }
  return openVfio(target, { ...options, ...(type1 === undefined ? {} : { type1 }) })
}

function code(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return codeOf(error)
  }
}

describe('the version of type 1', () => {
  it.each([
    [undefined, [1, 3], 3, 'type1v2'],
    [undefined, [1], 1, 'type1'],
    ['v1', [1, 3], 1, 'type1'],
    ['v2', [1, 3], 3, 'type1v2'],
  ] as const)('asked for %s where there are %j is %i', (asked, types, type, name) => {
    const fake = new FakeVfio()
    fake.types = types
    using device = open(fake, asked)
    expect([fake.type, device.dma.capabilities.interface]).toEqual([type, name])
  })

  it.each([
    ['v2', [1]],
    ['v1', []],
    [undefined, []],
  ] as const)('asked for %s where there are %j is refused, and nothing stays open', (asked, types) => {
    const fake = new FakeVfio()
    fake.types = types
    expect([code(() => open(fake, asked)), fake.kinds]).toEqual(['iommu-unavailable', []])
  })
})

describe('what the IOMMU says of itself', () => {
  it.each([0x4020_0000n, 0x1_0000n])('is refused when it has no pages of 4 KiB: %i', (pageSizes) => {
    const fake = new FakeVfio()
    fake.iommu = { ...fake.iommu, pageSizes }
    expect([code(() => open(fake)), fake.kinds]).toEqual(['capability-missing', []])
  })

  it('is taken for what a PC has when it tells no ranges', () => {
    const fake = new FakeVfio()
    fake.iommu = { ...fake.iommu, ranges: new BigUint64Array(), pageSizes: 0n }
    using device = open(fake)
    expect(device.dma.capabilities.apertures).toEqual([
      { first: 0n, last: 0xfedf_ffffn },
      { first: 0xfef0_0000n, last: 2n ** 64n - 1n },
    ])
  })

  it('limits the entries to those that are left', () => {
    using device = open(new FakeVfio())
    expect(device.dma.capabilities.maxEntries).toBe(64)
  })
})
