import { describe, expect, it } from '@jest/globals'
import { physicalAddress, va } from '../../../../src/base/address.ts'
import { codeOf } from '../../../../src/base/errors.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import type { VfioRom } from '../../../../src/backend/vfio-device/target.ts'
import { openVfio } from '../../../../src/backend/vfio/open.ts'
import type { Device } from '../../../../src/device/contract.ts'
import type { MemorySurface, VfioSurface } from '../../../../src/native/surface.ts'
import { ArrayMemory } from '../../../contract/loopback-bench.ts'
import { FakeVfio } from './fake-vfio.ts'

const identity = { vendor: 0x1234, device: 0x11e8, subsystemVendor: 0, subsystem: 0, revision: 0x10, classCode: 0xff00 }
const bar = (index: number) =>
  ({
    index,
    kind: 'memory',
    start: physicalAddress(0xfea0_0000),
    size: 8192,
    prefetchable: false,
    addressBits: 32,
  }) as const
const target = {
  address: '0000:01:00.0',
  group: 12,
  driver: 'vfio-pci',
  identity,
  bars: [bar(0), bar(1), bar(2)],
  companions: ['0000:01:01.1'],
  resetMethods: ['flr', 'bus'],
}
const memory = new ArrayMemory(16)
const frames = (...indices: number[]) => ({ memory, indices: Uint32Array.from(indices) })
const COMMAND = 4
/** Interrupt sets of a device that nobody enabled interrupts of: its notices. */
const NOTICES = 2
const TIMEOUT = { timeoutMs: 1000 }

function open(fake: FakeVfio, rom?: VfioRom): Device {
  const random = seededRandom(1n)
  return openVfio(rom === undefined ? target : { ...target, rom }, {
    native: fake.native,
    addressBits: 28,
    random: () => random.below(2 ** 32),
    keepFree: [],
  })
}

async function code(act: () => unknown): Promise<unknown> {
  try {
    return { returned: await act() }
  } catch (error) {
    return codeOf(error) ?? error
  }
}

function region(device: Device, index: number): Device['regions'][number] {
  const found = device.regions.find((one) => one.index === index)
  if (found === undefined) throw new Error(`no BAR ${index}`)
  return found
}

describe('opening through VFIO', () => {
  it('opens container, group and device in this order, of the group of the target', () => {
    const fake = new FakeVfio()
    using device = open(fake)
    expect(fake.calls.slice(0, 4)).toEqual(['openContainer', 'openGroup', 'setIommu', 'openDevice'])
    expect(device).toMatchObject({ ref: 'vfio:0000:01:00.0', backend: 'vfio', substance: 'hardware' })
    expect(device.identity).toEqual({ ...identity, driver: 'vfio-pci', group: 12 })
  })

  const descriptors = ['openContainer', 'openGroup', 'setIommu', 'openDevice'] as const
  it.each<keyof (MemorySurface & VfioSurface)>([
    ...descriptors,
    'regionInfo',
    'mapRegion',
    'iommuInfo',
    'interruptInfo',
  ])('leaves no descriptor open when %s fails', (call) => {
    const fake = new FakeVfio()
    fake.failing = { call }
    expect(() => open(fake)).toThrow(call)
    expect(fake.kinds.filter((kind) => kind !== 'area')).toEqual([])
  })

  it.each<keyof (MemorySurface & VfioSurface)>(['mapRegion', 'iommuInfo', 'interruptInfo'])(
    'leaves no BAR mapped when %s fails: a mapping holds the device as a descriptor does',
    (call) => {
      const fake = new FakeVfio()
      fake.failing = { call, after: call === 'mapRegion' ? 1 : 0 }
      expect(() => open(fake)).toThrow(call)
      expect(fake.kinds).toEqual([])
    },
  )
})

describe('closing what VFIO opened', () => {
  it('gives everything back, mapped or armed or not, twice without harm', () => {
    const fake = new FakeVfio()
    const device = open(fake)
    device.dma.map(frames(1, 5, 6), 'both')
    device.interrupts.enable('msi', 1)
    region(device, 0).map(0, 4096, va(0x7000_0000))
    device.close()
    device.close()
    expect([fake.kinds, fake.entries]).toEqual([[], []])
  })

  it.each<keyof (MemorySurface & VfioSurface)>(['unmapDma', 'disarmInterrupts', 'release'])(
    'closes the descriptors also when %s fails',
    async (call) => {
      const fake = new FakeVfio()
      const device = open(fake)
      device.dma.map(frames(1), 'both')
      device.interrupts.enable('msi', 1)
      fake.failing = { call }
      await code(() => device.close())
      expect(fake.kinds.filter((kind) => kind === 'container' || kind === 'group' || kind === 'device')).toEqual([])
    },
  )

  it('leaves members that throw `closed`', async () => {
    const fake = new FakeVfio()
    const device = open(fake)
    const { config, dma, interrupts, faults } = device
    const [mapped, unmapped] = [region(device, 0), region(device, 2)]
    const view = mapped.map(4096, 4096, va(0x7000_0000))
    interrupts.enable('msi', 1)
    device.close()
    const uses: Record<string, () => unknown> = {
      'config.read8': () => config.read8(0),
      'config.read16': () => config.read16(0),
      'config.read32': () => config.read32(0),
      'config.write8': () => config.write8(0, 0),
      'config.write16': () => config.write16(4, 0),
      'config.write32': () => config.write32(4, 0),
      'mapped.read32': () => mapped.read32(0),
      'mapped.write64': () => mapped.write64(0, 0n),
      'mapped.map': () => mapped.map(0, 4096, va(0x7000_0000)),
      'unmapped.read16': () => unmapped.read16(0),
      'unmapped.write8': () => unmapped.write8(0, 0),
      'view.read32': () => view.read32(0),
      'view.write32': () => view.write32(0, 0),
      'dma.map': () => dma.map(frames(1), 'both'),
      'interrupts.enable': () => interrupts.enable('msi', 1),
      'interrupts.count': () => interrupts.count(0),
      'interrupts.wait': () => interrupts.wait(0, 0, TIMEOUT),
      'interrupts.trigger': () => interrupts.trigger(0),
      'faults.watch': () => faults.watch(),
      reset: () => device.reset(),
    }
    for (const [name, use] of Object.entries(uses)) expect([name, await code(use)]).toEqual([name, 'closed'])
    view.close()
    interrupts.disable()
  })
})

describe('a BAR through VFIO', () => {
  it.each([0, 2])('makes each access with its own width, mapped or not (BAR %s)', (index) => {
    const fake = new FakeVfio()
    using device = open(fake)
    const before = fake.calls.length
    const registers = region(device, index)
    const halves = index === 0 ? undefined : 'low-first'
    registers.write64(8, 0x8877_6655_4433_2211n, halves)
    expect([registers.read8(9), registers.read16(10), registers.read32(12), registers.read64(8, halves)]).toEqual([
      0x22,
      0x4433,
      0x8877_6655,
      0x8877_6655_4433_2211n,
    ])
    registers.write8(8, 0xaa)
    registers.write16(10, 0xbbbb)
    registers.write32(12, 0xcccc_cccc)
    expect(registers.read64(8, halves)).toBe(0xcccc_cccc_bbbb_22aan)
    const calls = fake.calls.slice(before).filter((one) => /load|store|Region$/.test(one))
    expect(calls.slice(0, 5)).toEqual(
      index === 0
        ? ['store64', 'load8', 'load16', 'load32', 'load64']
        : ['writeRegion', 'writeRegion', 'readRegion', 'readRegion', 'readRegion'],
    )
  })

  it.each(['low-first', 'high-first'] as const)('accesses the halves of 8 bytes %s', (order) => {
    for (const index of [0, 2]) {
      const fake = new FakeVfio()
      using device = open(fake)
      const before = fake.accesses.length
      region(device, index).write64(8, 0x8877_6655_4433_2211n, order)
      expect(region(device, index).read64(8, order)).toBe(0x8877_6655_4433_2211n)
      const offsets = order === 'low-first' ? [8, 12] : [12, 8]
      expect(fake.accesses.slice(before)).toEqual([...offsets, ...offsets].map((offset) => ({ offset, bytes: 4 })))
    }
  })

  it('asks for the order of the halves where no access has 8 bytes, and touches nothing without it', async () => {
    const fake = new FakeVfio()
    using device = open(fake)
    const before = fake.accesses.length
    const registers = region(device, 2)
    expect([region(device, 0).access64, registers.access64]).toEqual(['whole', 'halves'])
    const attempts = [
      () => registers.read64(8),
      () => registers.write64(8, 1n),
      () => registers.readBlock(8, new BigUint64Array(1)),
      () => registers.writeBlock(8, new BigUint64Array(1)),
    ]
    for (const attempt of attempts) expect(await code(attempt)).toBe('register-width')
    expect(await code(() => registers.read64(12, 'low-first'))).toBe('region-misaligned')
    expect(await code(() => registers.write64(8, 1n << 64n, 'low-first'))).toBe('range-outside')
    expect(fake.accesses.slice(before)).toEqual([])
  })

  it.each([
    [8192, 'region-outside'],
    [-4, 'region-outside'],
    [8190, 'region-outside'],
    [0.5, 'region-outside'],
    [2, 'region-misaligned'],
  ])('refuses offset %s with %s, and nothing reaches the device', async (offset, expected) => {
    const fake = new FakeVfio()
    using device = open(fake)
    const before = fake.calls.length
    for (const index of [0, 2]) {
      expect(await code(() => region(device, index).read32(offset))).toBe(expected)
      expect(await code(() => region(device, index).write32(offset, 0))).toBe(expected)
    }
    expect(fake.calls).toHaveLength(before)
  })

  it('is seen through a view from its own offset, until that is closed', async () => {
    const fake = new FakeVfio()
    using device = open(fake)
    const areas = fake.open.size
    const view = region(device, 0).map(4096, 4096, va(0x7000_0000))
    expect([view.address, view.length, fake.open.size]).toEqual([0x7000_0000n, 4096, areas + 1])
    expect(await code(() => view.read32(4096))).toBe('region-outside')
    view.close()
    view.close()
    expect([await code(() => view.read32(0)), fake.open.size]).toEqual(['closed', areas])
  })

  it.each([
    [0, 0, 4096, 4097, 'region-misaligned'],
    [0, 8, 4096, 4096, 'region-misaligned'],
    [0, 0, 100, 4096, 'region-misaligned'],
    [0, 8192, 4096, 4096, 'region-outside'],
    [0, 0, 12_288, 4096, 'region-outside'],
    [0, -4096, 4096, 4096, 'region-outside'],
    [0, 0, 0, 4096, 'region-outside'],
    [2, 0, 4096, 4096, 'region-unmappable'],
  ])('of BAR %s refuses a view from %s of %s bytes at %s with %s', async (index, offset, length, at, expected) => {
    using device = open(new FakeVfio())
    expect(await code(() => region(device, index).map(offset, length, va(at)))).toBe(expected)
  })

  it('that may be mapped in parts is mapped in whole pages of these, and read by the kernel', async () => {
    const fake = new FakeVfio()
    const mappable = BigUint64Array.of(0x5000n, 0x1000n, 0n, 0x1800n, 0x2800n, 0x2000n, 0x7100n, 0x200n)
    fake.regions[0] = { flags: 15, size: 0x8000, offset: 0n, mappable }
    using device = open(fake)
    const bar0 = region(device, 0)
    expect(bar0).toMatchObject({
      mappable: false,
      mappableAreas: [
        { offset: 0, length: 0x1000 },
        { offset: 0x3000, length: 0x1000 },
        { offset: 0x5000, length: 0x1000 },
      ],
    })
    expect(bar0.read32(0)).toBe(0)
    expect(fake.calls.at(-1)).toBe('readRegion')
    using view = bar0.map(0x3000, 0x1000, va(0x7000_0000))
    expect(view.length).toBe(0x1000)
    for (const [offset, length] of [
      [0x1000, 0x1000],
      [0, 0x2000],
      [0x4000, 0x1000],
    ] as const) {
      expect(await code(() => bar0.map(offset, length, va(0x7000_0000)))).toBe('region-unmappable')
    }
  })
})

describe('DMA through VFIO', () => {
  it.each([
    ['read', 1],
    ['write', 2],
    ['both', 3],
  ] as const)('grants %s with the flags %s', (access, flags) => {
    const fake = new FakeVfio()
    using device = open(fake)
    device.dma.map(frames(3), access)
    expect(fake.entries.map((entry) => [entry.offset, entry.size, entry.flags])).toEqual([[3 * 4096, 4096n, flags]])
  })

  it('says what the kernel grants, clipped to the device', () => {
    using device = open(new FakeVfio())
    expect(device.dma.capabilities).toMatchObject({
      placement: 'caller',
      revocable: true,
      maxEntries: 64,
      addressBits: 28,
      apertures: [{ first: 0n, last: (1n << 28n) - 1n }],
    })
  })
})

describe('interrupts through VFIO', () => {
  it('count what the kernel tells, and start at 0 each time they are enabled', async () => {
    const fake = new FakeVfio()
    using device = open(fake)
    const { interrupts } = device
    interrupts.enable('msi', 2)
    const waiting = interrupts.wait(1, 0, TIMEOUT)
    fake.notifiers.get(1)?.(1, 3)
    expect([await waiting, interrupts.count(0), interrupts.count(1)]).toEqual([3, 0, 3])
    interrupts.disable()
    interrupts.enable('msi', 2)
    expect(interrupts.count(1)).toBe(0)
  })

  it('reject what waits when they are disabled', async () => {
    using device = open(new FakeVfio())
    device.interrupts.enable('msi', 1)
    const ended = code(() => device.interrupts.wait(0, 0, TIMEOUT))
    device.interrupts.disable()
    expect(await ended).toBe('cancelled')
  })

  it('are refused in a number or of a kind that there is not, and while others are enabled', async () => {
    const fake = new FakeVfio()
    using device = open(fake)
    const { interrupts } = device
    expect(interrupts.vectors).toEqual({ intx: 0, msi: 4, msix: 0 })
    for (const [kind, vectors] of [
      ['msi', 0],
      ['msi', 5],
      ['intx', 1],
    ] as const) {
      expect(await code(() => interrupts.enable(kind, vectors))).toBe('interrupt-unavailable')
    }
    interrupts.enable('msi', 1)
    expect(await code(() => interrupts.enable('msi', 1))).toBe('capability-missing')
    expect(fake.calls.filter((call) => call === 'armInterrupts')).toHaveLength(NOTICES + 1)
  })

  it('are masked and unmasked by the kernel where it can', async () => {
    const fake = new FakeVfio()
    fake.vectors = [1, 4, 0, 1, 1]
    using device = open(fake)
    const { interrupts } = device
    expect(interrupts.maskable).toEqual({ intx: true, msi: false, msix: false })
    interrupts.enable('intx', 1)
    interrupts.mask(0)
    interrupts.unmask(0)
    expect(fake.calls.slice(-2)).toEqual(['maskInterrupt', 'unmaskInterrupt'])
    interrupts.disable()
    expect(await code(() => interrupts.mask(0))).toBe('interrupt-unavailable')
    interrupts.enable('msi', 1)
    expect(await code(() => interrupts.unmask(0))).toBe('capability-missing')
  })

  it('are off again when the kernel refuses to arm them', async () => {
    const fake = new FakeVfio()
    using device = open(fake)
    fake.failing = { call: 'armInterrupts' }
    expect(() => device.interrupts.enable('msi', 1)).toThrow('planted')
    expect(await code(() => device.interrupts.count(0))).toBe('interrupt-unavailable')
    fake.failing = undefined
    device.interrupts.enable('msi', 1)
    expect(device.interrupts.count(0)).toBe(0)
  })
})

describe('a reset through VFIO', () => {
  it('is asked of the kernel, which may know none', async () => {
    const fake = new FakeVfio()
    using device = open(fake)
    device.reset()
    expect(fake.calls.at(-1)).toBe('reset')
    expect(device.resets).toEqual({ scope: 'function', method: 'flr' })
    fake.resettable = false
    using other = open(fake)
    expect(other.resets).toBeUndefined()
    expect(await code(() => other.reset())).toBe('capability-missing')
  })

  const dependent = (owner: number, devfn = 0) => ({ owner, segment: 0, bus: 1, devfn })
  const GROUP = target.group

  it.each([
    ['all of whose functions are in the group', false, false, [dependent(GROUP), dependent(GROUP, 9)], 'hotReset'],
    ['one of whose functions has no driver', false, false, [dependent(GROUP), dependent(GROUP, 10)], undefined],
    [
      'some of whose functions are in another group',
      false,
      false,
      [dependent(GROUP), dependent(GROUP + 1, 9)],
      undefined,
    ],
    ['all of which the iommufd holds', true, true, [dependent(3)], 'hotReset'],
    ['not all of which the iommufd holds', true, false, [dependent(3)], undefined],
  ])('is one of the bus %s where there is none of the function', async (_, byId, owned, devices, call) => {
    const fake = new FakeVfio()
    fake.resettable = false
    fake.hotReset = { byId, owned, devices }
    using device = open(fake)
    expect(device.resets).toEqual(call === undefined ? undefined : { scope: 'bus', method: 'hot-reset' })
    if (call === undefined) expect(await code(() => device.reset())).toBe('capability-missing')
    else device.reset()
    expect(fake.calls.includes('hotReset')).toBe(call !== undefined)
  })

  it('comes after bus mastering was turned off, for the kernel restores the command register', () => {
    const fake = new FakeVfio()
    using device = open(fake)
    device.config.write16(COMMAND, 6)
    const before = fake.calls.length
    device.reset()
    expect(device.config.read16(COMMAND)).toBe(2)
    expect(fake.calls.slice(before)).toEqual(['readRegion', 'writeRegion', 'reset', 'readRegion'])
  })
})

describe('bus mastering through VFIO', () => {
  it('is turned off when the device opens', () => {
    const fake = new FakeVfio()
    fake.registers.setUint16(COMMAND, 6, true)
    using device = open(fake)
    expect(device.config.read16(COMMAND)).toBe(2)
  })

  it('is turned off before anything is taken from the device when it closes', () => {
    const fake = new FakeVfio()
    const device = open(fake)
    device.dma.map(frames(1), 'both')
    device.interrupts.enable('msi', 1)
    device.config.write16(COMMAND, 6)
    const before = fake.calls.length
    device.close()
    expect(fake.registers.getUint16(COMMAND, true)).toBe(2)
    expect(fake.calls.slice(before, before + 2)).toEqual(['readRegion', 'writeRegion'])
  })
})

describe('notices through VFIO', () => {
  const [ERROR, REQUEST] = [3, 4]

  it.each([
    ['a request', REQUEST, 'device-gone'],
    ['an error', ERROR, 'bus-error'],
  ])('of %s end waits, now and later, and say why', async (_, index, expected) => {
    const fake = new FakeVfio()
    using device = open(fake)
    const { interrupts, notices } = device
    interrupts.enable('msi', 1)
    const waiting = code(() => interrupts.wait(0, 0, TIMEOUT))
    expect(notices.gone.aborted).toBe(false)
    fake.notifiers.get(index)?.(0, 1)
    expect(await waiting).toBe(expected)
    expect(codeOf(notices.gone.reason)).toBe(expected)
    expect(await code(() => interrupts.wait(0, 0, TIMEOUT))).toBe(expected)
  })

  it('of errors come from PCI Express only', async () => {
    const fake = new FakeVfio()
    fake.express = false
    using device = open(fake)
    expect(device.notices.kinds).toEqual(['request'])
    expect(await code(() => device.notices.trigger('error'))).toBe('capability-missing')
  })

  it('keep the first reason', () => {
    const fake = new FakeVfio()
    using device = open(fake)
    fake.notifiers.get(REQUEST)?.(0, 1)
    fake.notifiers.get(ERROR)?.(0, 1)
    expect(codeOf(device.notices.gone.reason)).toBe('device-gone')
  })
})

describe('a ROM through VFIO', () => {
  const rom = { start: physicalAddress(0xfd80_0000), size: 8192 }

  it('is the region behind the BARs, which can be read only', async () => {
    const fake = new FakeVfio()
    fake.regions[6] = { flags: 1, size: 8192, offset: 0n, mappable: new BigUint64Array() }
    using device = open(fake, rom)
    const region = device.regions.at(-1)
    expect(region).toMatchObject({ index: 6, kind: 'rom', size: 8192, start: rom.start, mappable: false })
    fake.registers.setUint16(0, 0xaa55, true)
    expect(region?.read16(0)).toBe(0xaa55)
    expect(await code(() => region?.write16(0, 1))).toBe('access-violation')
    expect(await code(() => region?.map(0, 4096, va(0x7000_0000)))).toBe('region-unmappable')
  })

  it('is absent when the kernel shows it as empty', () => {
    using device = open(new FakeVfio(), rom)
    expect(device.regions.map(({ index }) => index)).toEqual([0, 1, 2])
  })
})
