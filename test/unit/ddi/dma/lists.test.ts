import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Va, va } from '../../../../src/base/address.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import {
  DMA_SYNCHRONOUS_CALLBACK,
  DMA_TRANSFER_CONTEXT_SIZE_V1,
  KIRQL,
  type Out,
} from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { ScatterGatherList } from '../../../../src/ddi/dma/scatter-gather-list.ts'
import { DMA_ADAPTER_INFO, DMA_TRANSFER_INFO } from '../../../../src/ddi/layout/x64.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../../../src/ddi/mm/mdl.ts'
import { Bench, NULL, NormalPagePriority, outcome } from '../bench.ts'
import { BusMap, bytesOf, chain, part } from './chains.ts'

/** A chain of buffers as its shapes tell, and a part of it that begins in the first one. */
const shapes = fc.array(fc.tuple(fc.nat(4095), fc.integer({ min: 1, max: 9000 })), { minLength: 1, maxLength: 4 })
const partOf = fc.tuple(fc.nat(), fc.nat())

function openChain(
  bench: Bench,
  wanted: readonly (readonly [number, number])[],
  [from, size]: readonly [number, number],
) {
  const mdls = wanted.map(([offset, bytes]) => part(bench, offset, bytes))
  const mdl = chain(mdls)
  const bytes = bytesOf(bench, mdls)
  const start = from % MmGetMdlByteCount(mdl)
  const length = 1 + (size % (bytes.length - start))
  const free = (): void => {
    for (const one of mdls) bench.free(one)
  }
  return { mdl, start, length, expected: bytes.slice(start, start + length), free }
}

function listOf(bench: Bench, adapter: DmaAdapter, mdl: Mdl, start: number, length: number): ScatterGatherList {
  const { status, value } = bench.list(adapter, mdl, start, length, true)
  if (value === undefined) throw new Error(`no list: ${status}`)
  return value
}

/** As the test does it: header, elements, and what the system keeps behind them. */
const sizeOf = (elements: number): number => 32 + 24 * elements

describe('a list', () => {
  const limits = fc.record({
    longestElement: fc.constantFrom(0xffff_ffff, 64, 1000, 4096, 5000),
    boundary: fc.constantFrom(0, 4096, 0x1_0000, 0x1_0000_0000),
  })

  it('leads to the bytes of the chain, in order, none twice, in elements within the limits', async () => {
    await using bench = await Bench.open()
    const map = new BusMap(bench)
    fc.assert(
      fc.property(shapes, partOf, limits, (wanted, some, { longestElement, boundary }) => {
        Object.assign(bench.ddi.dma.platform, { longestElement, boundary })
        const adapter = bench.adapter()
        const { mdl, start, length, expected, free } = openChain(bench, wanted, some)
        const list = listOf(bench, adapter, mdl, start, length)
        expect(map.bytes(list)).toEqual(expected)
        for (const { bus, length: bytes } of list.segments()) {
          expect(bytes).toBeLessThanOrEqual(longestElement)
          if (boundary > 0) expect(bus / BigInt(boundary)).toBe((bus + BigInt(bytes) - 1n) / BigInt(boundary))
        }
        bench.put(adapter, list, true)
        free()
        bench.ddi.dma.PutDmaAdapter(adapter)
      }),
      { numRuns: 60 },
    )
    expect(bench.device.dma.entries).toBe(0)
  })

  it('takes no more room than was calculated before, and exactly that without limits', async () => {
    await using bench = await Bench.open()
    fc.assert(
      fc.property(shapes, partOf, limits, fc.boolean(), (wanted, some, limit, limited) => {
        Object.assign(bench.ddi.dma.platform, limited ? limit : { longestElement: 0xffff_ffff, boundary: 0 })
        const adapter = bench.adapter()
        const { mdl, start, length, free } = openChain(bench, wanted, some)
        const [size, worst, registers, most]: Out<number>[] = [{}, {}, {}, {}]
        const at = va(MmGetMdlVirtualAddress(mdl) + BigInt(start))
        expect(adapter.CalculateScatterGatherList(mdl, at, length, size ?? {}, registers ?? {})).toBe(0)
        expect(adapter.CalculateScatterGatherList(null, at, length, worst ?? {}, most ?? {})).toBe(0)
        const list = listOf(bench, adapter, mdl, start, length)
        const taken = sizeOf(list.NumberOfElements)
        if (limited) expect(size?.value).toBeGreaterThanOrEqual(taken)
        else expect(size?.value).toBe(taken)
        bench.put(adapter, list, true)
        free()
        bench.ddi.dma.PutDmaAdapter(adapter)
      }),
      { numRuns: 60 },
    )
  })

  it('of a device without scatter/gather is one element, within the boundary', async () => {
    await using bench = await Bench.open()
    const map = new BusMap(bench)
    bench.ddi.dma.platform.boundary = 0x1_0000
    fc.assert(
      fc.property(shapes, partOf, fc.boolean(), (wanted, some, seamless) => {
        const adapter = bench.adapter(28, 0x10_0000, { ScatterGather: 0 })
        const pages = wanted
          .slice(0, 2)
          .map(([, bytes], at) => (at === 0 ? ([0, 8192] as const) : ([0, bytes] as const)))
        const { mdl, start, length, expected, free } = openChain(bench, seamless ? pages : wanted, some)
        const list = listOf(bench, adapter, mdl, start, length)
        expect(list.NumberOfElements).toBe(1)
        const [{ bus, length: bytes }] = [list.segments().at(0)]
        expect(bytes).toBe(length)
        expect(bus >> 16n).toBe((bus + BigInt(bytes) - 1n) >> 16n)
        // Pieces with gaps between them are copied; the device gets at the copy then.
        if (seamless) expect(map.bytes(list)).toEqual(expected)
        bench.put(adapter, list, true)
        free()
        bench.ddi.dma.PutDmaAdapter(adapter)
      }),
      { numRuns: 60 },
    )
    expect([bench.device.dma.entries, bench.kernel.shortages.first]).toEqual([0, undefined])
  })

  it('is not had for more than the platform lets one element be', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.longestElement = 4096
    const [adapter, mdl] = [bench.adapter(28, 0x10_0000, { ScatterGather: 0 }), bench.pages(2)]
    expect(bench.list(adapter, mdl, 0, 4097, true).status).toBe(NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    bench.ddi.dma.platform.longestElement = 0xffff_ffff
    bench.ddi.dma.platform.boundary = 4096
    const narrow = bench.adapter(28, 0x10_0000, { ScatterGather: 0 })
    expect(bench.list(narrow, mdl, 0, 4097, true).status).toBe(NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    expect(bench.inUse.slice(1, 3)).toEqual([0, 0])
  })

  it('is noticed when something wrote over its end', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const list = listOf(bench, adapter, mdl, 0, 100)
    const behind = Number(list.address - bench.frames.address) + 16 + 24
    const kept = bench.frames.read(behind, 8)
    bench.frames.write(behind, new Uint8Array(8))
    expect(outcome(() => bench.put(adapter, list, true))).toBe('DMA-002')
    bench.frames.write(behind, kept)
    bench.put(adapter, list, true)
  })
})

describe('BuildScatterGatherList', () => {
  /** Pool of the caller's. */
  const buffer = (bench: Bench, size: number): Va => bench.kernel.pool.allocate(size)?.address ?? NULL
  const build = (bench: Bench, adapter: DmaAdapter, mdl: Mdl, at: Va, size: number) => {
    const got: Out<ScatterGatherList> = {}
    const keep = (_device: unknown, _irp: undefined, list: ScatterGatherList): void => void (got.value = list)
    const status = bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
      adapter.BuildScatterGatherList({}, mdl, NULL, 4096, keep, {}, true, at, size),
    )
    return { status, list: got.value }
  }

  it('writes into the caller’s buffer and leaves it to the caller', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl, at] = [bench.adapter(), bench.pages(1), buffer(bench, 56)]
    const { blocks } = bench.kernel.pool
    const { status, list } = build(bench, adapter, mdl, at, 56)
    if (list === undefined) throw new Error(`no list: ${status}`)
    expect([list.address, list.NumberOfElements, list.element(0).Length]).toEqual([at, 1, 4096])
    bench.put(adapter, list, true)
    expect([bench.kernel.pool.blocks, bench.device.dma.entries]).toEqual([blocks, 0])
  })

  it('takes pages that the caller mapped, too', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl, pages] = [bench.adapter(), bench.pages(1), bench.pages(1)]
    const view = bench.ddi.mm.MmGetSystemAddressForMdlSafe(pages, NormalPagePriority) ?? NULL
    const { list } = build(bench, adapter, mdl, view, 4096)
    expect([list?.address, list?.NumberOfElements]).toEqual([view, 1])
    if (list !== undefined) bench.put(adapter, list, true)
  })

  it('is told a buffer too small before anything is mapped, and one that is none', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl, at] = [bench.adapter(), bench.pages(1), buffer(bench, 64)]
    expect(build(bench, adapter, mdl, at, 55)).toEqual({ status: NtStatus.STATUS_BUFFER_TOO_SMALL, list: undefined })
    expect(outcome(() => build(bench, adapter, mdl, va(at + 4n), 56))).toBe('DMA-026')
    expect(outcome(() => build(bench, adapter, mdl, va(8), 56))).toBe('DMA-026')
    expect(bench.device.dma.entries).toBe(0)
  })

  it('is not in version 1', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter(0, 0x1000, { Version: 1, Dma32BitAddresses: 1 })
    expect(outcome(() => build(bench, adapter, bench.pages(1), buffer(bench, 64), 64))).toBe('DMA-010')
  })
})

describe('GetScatterGatherListEx', () => {
  const open = async () => {
    const bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(2)]
    const context = bench.kernel.pool.allocate(DMA_TRANSFER_CONTEXT_SIZE_V1)?.address ?? NULL
    adapter.InitializeDmaTransferContext(context)
    type Routine = Parameters<DmaAdapter['GetScatterGatherListEx']>[6]
    const ex = (flags: number, routine: Routine, out: Out<ScatterGatherList> | null, offset = 0, length = 4096) =>
      adapter.GetScatterGatherListEx({}, context, mdl, offset, length, flags, routine, {}, true, null, null, out)
    return { bench, adapter, mdl, context, ex }
  }

  it('gives list and channel to a caller without a routine, who frees both', async () => {
    const { bench: opened, adapter, ex } = await open()
    await using bench = opened
    const out: Out<ScatterGatherList> = {}
    expect(ex(DMA_SYNCHRONOUS_CALLBACK, null, out, 100, 8000)).toBe(0)
    expect(out.value?.segments().size).toBe(8000)
    if (out.value !== undefined) bench.put(adapter, out.value, true)
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0x8')
    adapter.FreeAdapterObject(2)
    bench.ddi.dma.PutDmaAdapter(adapter)
  })

  it('refuses what it has no answer for, and ranges outside of the chain', async () => {
    const { bench: opened, ex, adapter, context } = await open()
    await using bench = opened
    const invalid = NtStatus.STATUS_INVALID_PARAMETER
    expect(ex(0, null, {})).toBe(invalid)
    expect(ex(DMA_SYNCHRONOUS_CALLBACK, null, null)).toBe(invalid)
    expect(ex(0x80, () => undefined, null)).toBe(invalid)
    expect(ex(DMA_SYNCHRONOUS_CALLBACK, null, {}, 1, 8192)).toBe(invalid)
    expect(outcome(() => ex(DMA_SYNCHRONOUS_CALLBACK, null, {}, 0, 0))).toBe('0xe6/0x21')
    expect(adapter.CancelAdapterChannel({}, context)).toBe(true)
    expect(ex(0, () => undefined, null)).toBe(NtStatus.STATUS_CANCELLED)
    expect(bench.device.dma.entries).toBe(0)
  })

  it('waits for map registers without the flag, and not with it', async () => {
    const { bench: opened, adapter, mdl, context, ex } = await open()
    await using bench = opened
    bench.ddi.dma.platform.mapRegisters = 1
    const held = listOf(bench, adapter, mdl, 0, 1)
    const seen: ScatterGatherList[] = []
    const keep = (_device: unknown, _irp: undefined, list: ScatterGatherList): void => void seen.push(list)
    expect(ex(DMA_SYNCHRONOUS_CALLBACK, keep, null)).toBe(NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    expect([ex(0, keep, null), seen.length]).toEqual([0, 0])
    expect(outcome(() => ex(0, keep, null))).toBe('DMA-029')
    bench.put(adapter, held, true)
    expect(seen.length).toBe(1)
    expect(adapter.CancelAdapterChannel({}, context)).toBe(false)
    for (const list of seen) bench.put(adapter, list, true)
    bench.ddi.dma.PutDmaAdapter(adapter)
  })

  it('tells what a transfer needs, in version 1 of the structures only', async () => {
    const { bench: opened, adapter, mdl } = await open()
    await using bench = opened
    const info = bench.kernel.pool.allocateStruct(DMA_TRANSFER_INFO)
    const about = bench.kernel.pool.allocateStruct(DMA_ADAPTER_INFO)
    expect([adapter.GetDmaTransferInfo(mdl, 0, 1, true, info), adapter.GetDmaAdapterInfo(about)]).toEqual([
      NtStatus.STATUS_NOT_SUPPORTED,
      NtStatus.STATUS_NOT_SUPPORTED,
    ])
    info.set('Version', 1)
    about.set('Version', 1)
    expect([adapter.GetDmaTransferInfo(mdl, 4000, 200, true, info), adapter.GetDmaAdapterInfo(about)]).toEqual([0, 0])
    expect(info.get('MapRegisterCount')).toBe(2)
    expect(info.get('ScatterGatherListSize')).toBe(sizeOf(info.get('ScatterGatherElementCount')))
    expect([about.get('DmaAddressWidth'), about.get('ScatterGatherLimit')]).toEqual([28, 257])
    expect(adapter.GetDmaTransferInfo(mdl, 1, 8192, true, info)).toBe(NtStatus.STATUS_INVALID_PARAMETER)
  })
})
