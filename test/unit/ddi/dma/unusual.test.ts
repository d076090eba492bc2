import { describe, expect, it } from '@jest/globals'
import { va } from '../../../../src/base/address.ts'
import {
  DMA_TRANSFER_CONTEXT_SIZE_V1,
  type IO_ALLOCATION_ACTION,
  KIRQL,
  type Out,
} from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { MapRegisters } from '../../../../src/ddi/dma/channel/map-registers.ts'
import type { ScatterGatherList } from '../../../../src/ddi/dma/scatter-gather-list.ts'
import { DMA_TRANSFER_INFO } from '../../../../src/ddi/layout/x64.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { Bench, NULL, NormalPagePriority, outcome } from '../bench.ts'

/** GetScatterGatherList of the first bytes; the list comes at once or later. */
function getLater(bench: Bench, adapter: DmaAdapter, mdl: Mdl, length: number): Out<ScatterGatherList> {
  const got: Out<ScatterGatherList> = {}
  const keep = (_device: unknown, _irp: undefined, list: ScatterGatherList): void => void (got.value = list)
  bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.GetScatterGatherList({}, mdl, NULL, length, keep, {}, true))
  return got
}

const putAll = (bench: Bench, adapter: DmaAdapter, ...lists: readonly Out<ScatterGatherList>[]): void => {
  for (const { value } of lists) if (value !== undefined) bench.put(adapter, value, true)
}

describe('numbers that no driver can pass', () => {
  const bad = [-1, -4096, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32]

  it.each(bad)('are refused as lengths and offsets (%d), and nothing is mapped', async (value) => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(2)]
    const context = bench.kernel.pool.allocate(DMA_TRANSFER_CONTEXT_SIZE_V1)?.address ?? NULL
    adapter.InitializeDmaTransferContext(context)
    const info = bench.kernel.pool.allocateStruct(DMA_TRANSFER_INFO)
    info.set('Version', 1)
    const none = (): void => undefined
    const ex = (offset: number, length: number) => () =>
      adapter.GetScatterGatherListEx({}, context, mdl, offset, length, 0, none, {}, true, null, null, null)
    const calls = [
      () => bench.list(adapter, mdl, 0, value, true),
      ex(value, 1),
      ex(0, value),
      () => adapter.CalculateScatterGatherList(mdl, NULL, value, {}, null),
      () => adapter.GetDmaTransferInfo(mdl, value, 1, true, info),
      () => adapter.GetDmaTransferInfo(mdl, 0, value, true, info),
      () => adapter.AllocateCommonBuffer(value, {}, true),
    ]
    expect(calls.map(outcome)).toEqual(calls.map(() => 'range-outside'))
    expect([bench.device.dma.entries, adapter.lists]).toEqual([0, 0])
  })

  it.each(bad)('are refused as numbers of map registers (%d), and nobody waits behind them', async (value) => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const bases: MapRegisters[] = []
    const allocate = (count: number): number =>
      bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
        adapter.AllocateAdapterChannel({}, count, (_d, _i, base) => (bases.push(base), 3), {}),
      )
    expect(outcome(() => allocate(value))).toBe('range-outside')
    allocate(1)
    const [base] = bases
    if (base === undefined) throw new Error('nothing was allocated')
    const free = (count: number) => () => {
      bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.FreeMapRegisters(base, count))
    }
    expect(outcome(free(value))).toBe('range-outside')
    free(1)()
    bench.ddi.dma.PutDmaAdapter(adapter)
  })
})

describe('a chain that leads back to an MDL without bytes', () => {
  it('is refused', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl, empty] = [bench.adapter(), bench.pages(1), bench.pages(1)]
    empty.header.set('ByteCount', 0)
    empty.header.set('Next', empty.address)
    mdl.header.set('Next', empty.address)
    for (const one of [empty, mdl]) bench.ddi.mm.accept(one)
    expect(outcome(() => bench.list(adapter, mdl, 0, 8192, true))).toBe('DMA-023')
  })
})

describe('a list that waits', () => {
  it('keeps its pages from being freed until it is had and put back', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 2
    const [adapter, mdl, other] = [bench.adapter(), bench.pages(2), bench.pages(2)]
    const first = getLater(bench, adapter, other, 8192)
    const second = getLater(bench, adapter, mdl, 8192)
    expect(second.value).toBeUndefined()
    const free = (): void => bench.ddi.mm.MmFreePagesFromMdl(mdl)
    expect(outcome(free)).toBe('DMA-025')
    putAll(bench, adapter, first)
    expect(second.value?.NumberOfElements).toBeGreaterThan(0)
    expect(outcome(free)).toBe('DMA-025')
    putAll(bench, adapter, second)
    free()
  })

  it('is not overtaken by one that asks for less', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 3
    const [adapter, mdl] = [bench.adapter(), bench.pages(2)]
    const first = getLater(bench, adapter, mdl, 8192)
    const second = getLater(bench, adapter, mdl, 8192)
    const third = getLater(bench, adapter, mdl, 1)
    expect([second.value, third.value]).toEqual([undefined, undefined])
    putAll(bench, adapter, first)
    expect([second.value, third.value].map((list) => list?.segments().size)).toEqual([8192, 1])
    putAll(bench, adapter, second, third)
  })

  it('waits on when there is no memory for it at its turn', async () => {
    await using bench = await Bench.open()
    Object.assign(bench.ddi.dma.platform, { mapRegisters: 1, longestElement: 2048 })
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const first = getLater(bench, adapter, mdl, 100)
    const second = getLater(bench, adapter, mdl, 4096)
    const blocks = []
    for (const size of [0x1_0000, 0x1000, 16]) {
      for (let block = bench.kernel.pool.allocate(size); block; block = bench.kernel.pool.allocate(size)) {
        blocks.push(block.address)
      }
    }
    putAll(bench, adapter, first)
    expect(second.value).toBeUndefined()
    for (const address of blocks) bench.kernel.pool.free(address)
    const third = getLater(bench, adapter, mdl, 1)
    expect([second.value?.NumberOfElements, third.value]).toEqual([2, undefined])
    putAll(bench, adapter, second, third)
  })

  it('lets go of its pages when it is cancelled', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 2
    const [adapter, mdl, other] = [bench.adapter(), bench.pages(2), bench.pages(2)]
    const first = getLater(bench, adapter, other, 8192)
    const context = bench.kernel.pool.allocate(DMA_TRANSFER_CONTEXT_SIZE_V1)?.address ?? NULL
    adapter.InitializeDmaTransferContext(context)
    const none = (): void => undefined
    expect(adapter.GetScatterGatherListEx({}, context, mdl, 0, 8192, 0, none, {}, true, null, null, null)).toBe(0)
    const free = (): void => bench.ddi.mm.MmFreePagesFromMdl(mdl)
    expect(outcome(free)).toBe('DMA-025')
    expect(adapter.CancelAdapterChannel({}, context)).toBe(true)
    free()
    putAll(bench, adapter, first)
  })

  it('is not begun by what a session gives back that closes', async () => {
    const bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 2
    const [one, two, mdl] = [bench.adapter(), bench.adapter(), bench.pages(2)]
    getLater(bench, one, mdl, 8192)
    const late = getLater(bench, two, mdl, 8192)
    expect(await bench.end()).toContain('VER-003')
    expect([late.value, bench.device.dma.entries]).toEqual([undefined, 0])
  })
})

describe('a list for which there is no memory', () => {
  it('costs no map registers', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 1
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const blocks = []
    for (const size of [0x1_0000, 0x1000, 16]) {
      for (let block = bench.kernel.pool.allocate(size); block; block = bench.kernel.pool.allocate(size)) {
        blocks.push(block.address)
      }
    }
    expect(bench.list(adapter, mdl, 0, 1, true)).toEqual({ status: 0xc000_009a })
    for (const address of blocks) bench.kernel.pool.free(address)
    expect(getLater(bench, adapter, mdl, 1).value?.NumberOfElements).toBe(1)
  })
})

describe('a caller’s buffer', () => {
  it('takes one list at a time, wherever in it', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const at = bench.kernel.pool.allocate(256)?.address ?? NULL
    const lists: ScatterGatherList[] = []
    const build = (by: bigint): number =>
      bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
        adapter.BuildScatterGatherList({}, mdl, NULL, 1, (_d, _i, list) => lists.push(list), {}, true, va(at + by), 56),
      )
    build(56n)
    for (const by of [56n, 8n, 104n]) expect(outcome(() => build(by))).toBe('DMA-026')
    expect([build(0n), build(112n), adapter.lists]).toEqual([0, 0, 3])
    for (const list of lists) bench.put(adapter, list, true)
    expect(bench.device.dma.entries).toBe(0)
    bench.ddi.dma.PutDmaAdapter(adapter)
  })

  it('that was refused costs no map registers', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.mapRegisters = 2
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const at = bench.kernel.pool.allocate(56)?.address ?? NULL
    const lists: ScatterGatherList[] = []
    const build = (): number =>
      bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
        adapter.BuildScatterGatherList({}, mdl, NULL, 1, (_d, _i, list) => lists.push(list), {}, true, at, 56),
      )
    build()
    expect(outcome(build)).toBe('DMA-026')
    expect(getLater(bench, adapter, mdl, 1).value?.NumberOfElements).toBe(1)
  })
})

describe('two common buffers of one MDL', () => {
  it('are told apart by their logical addresses, and neither is lost', async () => {
    await using bench = await Bench.open()
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const address = bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) ?? NULL
    const logical: Parameters<DmaAdapter['CreateCommonBufferFromMdl']>[3][] = [{}, {}]
    for (const out of logical) expect(adapter.CreateCommonBufferFromMdl(mdl, null, 0, out)).toBe(0)
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0x7')
    for (const { value } of logical) {
      if (value !== undefined) adapter.FreeCommonBuffer(4096, value, address, true)
    }
    expect(bench.device.dma.entries).toBe(0)
    bench.free(mdl)
    bench.ddi.dma.PutDmaAdapter(adapter)
  })
})

describe('the routine of a channel', () => {
  it('returns an IO_ALLOCATION_ACTION; registers are freed without one', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const allocate = (action: number) => () =>
      bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
        adapter.AllocateAdapterChannel({}, 1, () => action as IO_ALLOCATION_ACTION, {}),
      )
    for (const action of [0, 4]) expect(outcome(allocate(action))).toBe('DMA-040')
    bench.ddi.dma.PutDmaAdapter(adapter)
  })
})
