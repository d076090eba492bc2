import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { va } from '../../../src/base/address.ts'
import { NtStatus } from '../../../src/base/ntstatus.ts'
import { KIRQL, type Out } from '../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../src/ddi/dma/adapter.ts'
import { addressWidth } from '../../../src/ddi/dma/description.ts'
import type { ScatterGatherList } from '../../../src/ddi/dma/scatter-gather-list.ts'
import { type Mdl, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../src/ddi/mm/mdl.ts'
import { EduEngine } from '../../../src/engine/edu/engine.ts'
import { orderPattern } from '../../../src/memory/patterns.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from './bench.ts'

const EDU = { addressBits: 28, maxTransfer: 4095, bufferOffset: 0x4_0000 }
const PAGES = 12
const SIZE = PAGES * 4096

function listOf(bench: Bench, adapter: DmaAdapter, mdl: Mdl, offset: number, length: number): ScatterGatherList {
  const { status, value } = bench.list(adapter, mdl, offset, length, true)
  if (value === undefined) throw new Error(`no list: ${status}`)
  return value
}

describe('IoGetDmaAdapter', () => {
  const describedAs = (bench: Bench, members: Readonly<Record<string, number>>): number => {
    const description = bench.description()
    for (const name of ['Version', 'ScatterGather', 'InterfaceType', 'DmaAddressWidth'] as const)
      description.set(name, 0)
    for (const [name, value] of Object.entries(members)) description.set(name as 'Version', value)
    return addressWidth(description)
  }

  it.each([
    [{ Version: 3, DmaAddressWidth: 40, Dma64BitAddresses: 1 }, 40],
    [{ Version: 2, Dma64BitAddresses: 1, Dma32BitAddresses: 1 }, 64],
    [{ Version: 2, Dma32BitAddresses: 1 }, 32],
    [{ Version: 1, ScatterGather: 1, InterfaceType: 5 }, 32],
    [{ Version: 1, ScatterGather: 1 }, 24],
    [{ Version: 0 }, 24],
  ])('takes the width from %p', async (members, width) => {
    await using bench = await Bench.open()
    expect(describedAs(bench, members)).toBe(width)
  })

  it('gives NULL for a version that there is not, and for no address bits', async () => {
    await using bench = await Bench.open()
    const registers: Out<number> = {}
    const description = bench.description(0)
    expect(bench.ddi.dma.IoGetDmaAdapter(undefined, description, registers)).toBeNull()
    description.set('Version', 4)
    const get = (): unknown => bench.ddi.dma.IoGetDmaAdapter(undefined, description, registers)
    expect(outcome(get)).toBe('0xe6/0x25')
    bench.ddi.dma.platform.verification = false
    expect(get()).toBeNull()
    expect(registers).toEqual({})
  })

  it('grants a register for each page that one operation can touch', async () => {
    await using bench = await Bench.open()
    const registers: Out<number> = {}
    const adapter = bench.ddi.dma.IoGetDmaAdapter(undefined, bench.description(28, 8193), registers)
    expect([registers.value, adapter?.mapRegisters]).toEqual([4, 4])
  })
})

describe('GetScatterGatherList', () => {
  it('covers the bytes of the buffer, in order, whatever part of it is asked for', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(PAGES)]
    const bytes = orderPattern(SIZE)
    const view = bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) ?? NULL
    bench.kernel.memory.write(view, bytes)
    const part = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE })).map(([from, length]) => ({
      from,
      length: Math.min(length, SIZE - from),
    }))
    fc.assert(
      fc.property(part, ({ from, length }) => {
        const list = listOf(bench, adapter, mdl, from, length)
        const elements = Array.from({ length: list.NumberOfElements }, (_, i) => list.element(i))
        expect(elements.every(({ Length }) => Length > 0)).toBe(true)
        expect(elements.reduce((sum, { Length }) => sum + Length, 0)).toBe(length)
        expect([...list.segments()].map((one) => [one.bus, one.length])).toEqual(
          elements.map(({ Address, Length }) => [Address, Length]),
        )
        // In the page that an element begins in, it has the offset that the buffer has there.
        let at = from
        for (const { Address, Length } of elements) {
          expect(Number(Address % 4096n)).toBe(at % 4096)
          expect(Address + BigInt(Length)).toBeLessThanOrEqual(1n << 28n)
          at += Length
        }
        bench.put(adapter, list, true)
      }),
    )
    bench.ddi.dma.PutDmaAdapter(adapter)
  })

  it('leads the device to the bytes themselves, one after the other', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(PAGES)]
    const bytes = orderPattern(SIZE, 3)
    bench.kernel.memory.write(bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) ?? NULL, bytes)
    bench.device.config.write16(4, 6)
    using engine = new EduEngine({ ...EDU, device: bench.device, frames: bench.frames })
    await fc.assert(
      fc.asyncProperty(fc.nat(SIZE - 9000), fc.integer({ min: 1, max: 9000 }), async (from, length) => {
        const list = listOf(bench, adapter, mdl, from, length)
        const received = await engine.read(list.segments())
        bench.put(adapter, list, true)
        expect(Buffer.compare(received, bytes.subarray(from, from + length))).toBe(0)
      }),
      { numRuns: 25 },
    )
  })

  it.each([true, false])('grants the one direction only (to the device: %s)', async (toDevice) => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const bytes = orderPattern(64, 5)
    const view = bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) ?? NULL
    bench.kernel.memory.write(view, bytes)
    bench.device.config.write16(4, 6)
    using engine = new EduEngine({ ...EDU, device: bench.device, frames: bench.frames })
    const { value: list } = bench.list(adapter, mdl, 0, 64, toDevice)
    if (list === undefined) throw new Error('no list')
    const received = await engine.read(list.segments())
    expect(Buffer.compare(received, bytes) === 0).toBe(toDevice)
    await engine.write(list.segments(), new Uint8Array(64).fill(0x77))
    const unchanged = bench.kernel.memory.compare(view, bytes) === -1
    expect(unchanged).toBe(toDevice)
    bench.put(adapter, list, toDevice)
  })

  it('never hands out a frame address for a bus address', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(PAGES)]
    const list = listOf(bench, adapter, mdl, 0, SIZE)
    const frames = new Set(MmGetMdlPfnArray(mdl))
    for (const { bus } of list.segments()) expect(frames.has(bus >> 12n)).toBe(false)
    bench.put(adapter, list, true)
  })

  it.each([
    ['past the end of the buffer', SIZE - 5, 6, NtStatus.STATUS_BUFFER_TOO_SMALL],
    ['longer than the map registers reach', 0, SIZE, NtStatus.STATUS_INSUFFICIENT_RESOURCES],
  ])('refuses a range %s and maps nothing', async (_, offset, length, expected) => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(28, 4 * 4096), bench.pages(PAGES)]
    const { status, value } = bench.list(adapter, mdl, offset, length, true)
    expect([status, value, bench.device.dma.entries]).toEqual([expected, undefined, 0])
  })

  it('refuses addresses that the adapter does not reach, and maps nothing', async () => {
    await using bench = await Bench.open('loopback:edu?dma_mask=0xffffffffff')
    const [adapter, mdl] = [bench.adapter(16), bench.pages(32)]
    const { status, value } = bench.list(adapter, mdl, 0, 32 * 4096, true)
    expect([status, value, bench.device.dma.entries]).toEqual([NtStatus.STATUS_INSUFFICIENT_RESOURCES, undefined, 0])
  })

  it('refuses, and maps nothing, when the pool has no room for the list', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(PAGES)]
    while (bench.kernel.pool.allocate(4096) !== undefined);
    while (bench.kernel.pool.allocate(16) !== undefined);
    const { status } = bench.list(adapter, mdl, 0, SIZE, true)
    expect([status, bench.device.dma.entries, adapter.lists]).toEqual([NtStatus.STATUS_INSUFFICIENT_RESOURCES, 0, 0])
  })

  it('calls the routine with the list, the device object and the context, at DISPATCH_LEVEL', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const [device, context] = [{ name: 'device' }, { name: 'context' }]
    const seen: unknown[] = []
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
      adapter.GetScatterGatherList(
        device,
        mdl,
        MmGetMdlVirtualAddress(mdl),
        4096,
        (...args) => void seen.push(args[0], args[1], args[3], bench.kernel.KeGetCurrentIrql()),
        context,
        false,
      ),
    )
    expect(seen).toEqual([device, undefined, context, KIRQL.DISPATCH_LEVEL])
  })

  it('makes a misuse of zero bytes, a wrong IRQL, a freed MDL and an adapter that was released', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const get = (length: number): unknown =>
      adapter.GetScatterGatherList({}, mdl, MmGetMdlVirtualAddress(mdl), length, () => undefined, {}, true)
    const atDispatch = (act: () => unknown): string => bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => outcome(act))
    expect(atDispatch(() => get(0))).toBe('0xe6/0x21')
    expect(outcome(() => get(1))).toBe('0xe6/0x13')
    expect(outcome(() => bench.list(adapter, mdl, 4096, 1, true))).toBe('0xe6/0x1f')
    bench.free(mdl)
    expect(atDispatch(() => get(1))).toBe('MDL-013')
    bench.ddi.dma.PutDmaAdapter(adapter)
    expect(atDispatch(() => get(1))).toBe('0xe6/0x18')
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0x18')
  })
})

describe('PutScatterGatherList', () => {
  it('ends the translation and gives back the list', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const before = bench.inUse
    const mdl = bench.pages(PAGES)
    const list = listOf(bench, adapter, mdl, 0, SIZE)
    expect(bench.device.dma.entries).toBeGreaterThan(0)
    bench.put(adapter, list, true)
    bench.free(mdl)
    expect([bench.inUse, adapter.lists]).toEqual([before, 0])
  })

  it('makes a misuse of a second time, the other direction and a wrong IRQL, and keeps the list then', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const list = listOf(bench, adapter, mdl, 0, 4096)
    expect(outcome(() => bench.put(adapter, list, false))).toBe('DMA-025')
    expect(outcome(() => adapter.PutScatterGatherList(list, true))).toBe('0xe6/0x13')
    expect(bench.device.dma.entries).toBe(1)
    bench.put(adapter, list, true)
    expect(outcome(() => bench.put(adapter, list, true))).toBe('0xe6/0x6')
  })

  it('knows the lists of its own adapter only', async () => {
    await using bench = await Bench.open()
    const [one, other, mdl] = [bench.adapter(), bench.adapter(), bench.pages(1)]
    const list = listOf(bench, one, mdl, 0, 4096)
    expect(outcome(() => bench.put(other, list, true))).toBe('0xe6/0x6')
  })
})

describe('an adapter that is released', () => {
  it('is not while it has lists', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(2)]
    const list = listOf(bench, adapter, mdl, 0, 100)
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0xa')
    expect(adapter.owns(list)).toBe(true)
    bench.put(adapter, list, true)
    bench.ddi.dma.PutDmaAdapter(adapter)
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(null))).toBe('0xe6/0x19')
    expect(outcome(() => bench.ddi.dma.HalGetAdapter())).toBe('0xe6/0x1e')
  })

  it('takes its lists back when Windows ends, and says of each that it was left', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(2)]
    listOf(bench, adapter, mdl, 0, 100)
    listOf(bench, adapter, mdl, 4096, 100)
    expect(await bench.end()).toEqual(['VER-003', 'VER-003', 'MDL-123'])
    expect(bench.device.dma.entries).toBe(0)
  })

  it('is released when Windows ends, and what hangs on it before', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(2)]
    listOf(bench, adapter, mdl, 0, 100)
    expect(await bench.end()).toEqual(['VER-003', 'MDL-123'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })
})

it('any legal sequence of allocating, mapping, listing and giving back ends with nothing left', async () => {
  await using bench = await Bench.open()
  const { mm } = bench.ddi
  const adapter = bench.adapter()
  const before = bench.inUse
  const step = fc.record({
    act: fc.constantFrom('pages', 'map', 'user', 'list', 'undo'),
    pick: fc.nat(),
    size: fc.nat(20),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const live: { mdl: Mdl; undo: (() => void)[]; mapped: boolean }[] = []
      const drop = (index: number): void => {
        const [one] = live.splice(index, 1)
        for (const undo of one?.undo.toReversed() ?? []) undo()
        if (one !== undefined) bench.free(one.mdl)
      }
      for (const { act, pick, size } of steps) {
        const one = live[pick % Math.max(1, live.length)]
        if (act === 'pages') live.push({ mdl: bench.pages(size + 1), undo: [], mapped: false })
        else if (one === undefined) continue
        else if (act === 'undo') drop(live.indexOf(one))
        else if (act === 'list') {
          const toDevice = size % 2 === 0
          const { value } = bench.list(adapter, one.mdl, size, 100, toDevice)
          if (value !== undefined) one.undo.push(() => bench.put(adapter, value, toDevice))
        } else if (act === 'user' || !one.mapped) {
          const user = act === 'user'
          const view = mm.MmMapLockedPagesSpecifyCache(one.mdl, user ? 1 : 0, MmCached, NULL, false, 16) ?? va(0)
          one.undo.push(() => mm.MmUnmapLockedPages(view, one.mdl))
          one.mapped ||= !user
        }
      }
      while (live.length > 0) drop(0)
      expect(bench.inUse).toEqual(before)
      expect(bench.kernel.ledger.entries).toEqual([])
    }),
  )
  bench.ddi.dma.PutDmaAdapter(adapter)
  expect(await bench.end()).toEqual([])
})
