import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../../src/base/errors.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { openIommufd } from '../../../../src/backend/iommufd/open.ts'
import type { Device } from '../../../../src/device/contract.ts'
import { ArrayMemory } from '../../../contract/loopback-bench.ts'
import { FakeVfio } from '../vfio-device/fake-vfio.ts'

const target = {
  address: '0000:01:00.0',
  group: 12,
  driver: 'vfio-pci',
  deviceFile: '/dev/vfio/devices/vfio3',
  identity: { vendor: 0x1234, device: 0x11e8, subsystemVendor: 0, subsystem: 0, revision: 0x10, classCode: 0xff00 },
  bars: [],
}
const frames = (...indices: number[]) => ({ memory: new ArrayMemory(16), indices: Uint32Array.from(indices) })

function open(fake: FakeVfio, deviceFile = target.deviceFile): Device {
  const random = seededRandom(1n)
  const options = { native: fake.native, addressBits: 32, random: () => random.below(2 ** 32), keepFree: [] }
  return openIommufd({ ...target, deviceFile }, options)
}

const OPENING = [
  'openIommufd',
  'openDeviceFile',
  'bindIommufd',
  'allocateIoas',
  'attachIoas',
  'ioasRanges',
  'interruptInfo',
] as const

describe('opening through iommufd', () => {
  it('takes the device by its own file, and asks for the ranges of an address space that it is attached to', () => {
    const fake = new FakeVfio()
    using device = open(fake)
    expect(fake.calls.slice(0, 6)).toEqual(OPENING.slice(0, 6))
    expect(device).toMatchObject({ ref: 'iommufd:0000:01:00.0', backend: 'iommufd', substance: 'hardware' })
  })

  it.each(OPENING)('leaves no file open when %s fails', (call) => {
    const fake = new FakeVfio()
    fake.failing = { call }
    expect(() => open(fake)).toThrow(call)
    // what lives in the iommufd goes with it
    expect(fake.kinds.filter((kind) => kind !== 'ioas')).toEqual([])
  })

  it('says so when the device has no file', () => {
    let code: unknown
    try {
      open(new FakeVfio(), '/dev/vfio/devices/vfio4')
    } catch (error) {
      code = codeOf(error)
    }
    expect(code).toBe('iommu-unavailable')
  })

  it('offers the kernel’s ranges up to what the device reaches, and no limit of entries', () => {
    using device = open(new FakeVfio())
    expect(device.dma.capabilities).toMatchObject({
      placement: 'caller',
      revocable: true,
      maxEntries: Number.MAX_SAFE_INTEGER,
      apertures: [
        { first: 0n, last: 0xfedf_ffffn },
        { first: 0xfef0_0000n, last: 0xffff_ffffn },
      ],
    })
  })
})

describe('DMA through iommufd', () => {
  it.each([
    ['read', 1],
    ['write', 2],
    ['both', 3],
  ] as const)('maps runs for %s and tells the bytes that were unmapped', (access, flags) => {
    const fake = new FakeVfio()
    using device = open(fake)
    const mapping = device.dma.map(frames(3, 4, 9), access)
    expect(fake.entries.map((entry) => [entry.offset, entry.size, entry.flags])).toEqual([
      [3 * 4096, 8192n, flags],
      [9 * 4096, 4096n, flags],
    ])
    expect([mapping.unmap(), fake.entries]).toEqual([12_288, []])
  })
})

describe('closing what iommufd opened', () => {
  it('unmaps, detaches, destroys the address space and closes the files, in this order, once', () => {
    const fake = new FakeVfio()
    const device = open(fake)
    device.dma.map(frames(1), 'both')
    const before = fake.calls.length
    device.close()
    device.close()
    // First the command register and the notices, which are the same for each way to a device.
    const closing = [
      'readRegion',
      'disarmInterrupts',
      'disarmInterrupts',
      'unmapIoas',
      'detachIoas',
      'destroyIommuObject',
      'closeDescriptor',
      'closeDescriptor',
    ]
    expect([fake.calls.slice(before), fake.kinds]).toEqual([closing, []])
  })

  it.each(['unmapIoas', 'detachIoas', 'destroyIommuObject'] as const)('closes the files also when %s fails', (call) => {
    const fake = new FakeVfio()
    const device = open(fake)
    device.dma.map(frames(1), 'both')
    fake.failing = { call }
    expect(() => device.close()).toThrow()
    expect(fake.kinds.filter((kind) => kind !== 'ioas')).toEqual([])
  })
})
