import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Va, va } from '../../../../src/base/address.ts'
import { KIRQL, KPROCESSOR_MODE, MdlFlags, type Out, PAGE_PROTECTION } from '../../../../src/ddi/constants.ts'
import { sliceRanges } from '../../../../src/ddi/mm/io-space/ranges.ts'
import { PhysicalAddressList } from '../../../../src/ddi/mm/io-space/physical-address-list.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import type { Region } from '../../../../src/device/contract.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'

const P = 4096
const NONCACHED = 0

function bar({ device }: Bench): Region {
  const found = device.regions.find(({ kind }) => kind === 'memory')
  if (found === undefined) throw new Error('no BAR')
  return found
}

function allocate(bench: Bench, ranges: readonly (readonly [bigint, bigint])[], count = ranges.length) {
  const block = bench.kernel.pool.allocate(16 * ranges.length)
  if (block === undefined) throw new Error('no room')
  const list = new PhysicalAddressList(block)
  ranges.forEach(([start, bytes], i) => {
    list.entry(i).set('PhysicalAddress', start)
    list.entry(i).set('NumberOfBytes', bytes)
  })
  const out: Out<Mdl> = {}
  const act = (): number => bench.ddi.mm.MmAllocateMdlForIoSpace(list, count, out)
  const misuse = outcome(act)
  const mdl = out.value
  bench.kernel.pool.free(block.address)
  return { misuse, mdl }
}

/** An MDL over the pages of the BAR with these numbers. */
function pagesOf(bench: Bench, ...pages: readonly number[]): Mdl {
  const { start } = bar(bench)
  const { mdl } = allocate(
    bench,
    pages.map((page) => [start + BigInt(page * P), 4096n]),
  )
  if (mdl === undefined) throw new Error('no MDL')
  return mdl
}

function map({ ddi }: Bench, mdl: Mdl, mode: number = KPROCESSOR_MODE.KernelMode, at: Va = NULL, priority = 0): Va {
  const view = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, NONCACHED, at, false, NormalPagePriority | priority)
  if (view === null) throw new Error('no view')
  return view
}

describe('MmAllocateMdlForIoSpace', () => {
  it('says when resources are low, and takes nothing', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    bench.kernel.lowResources.failCall(1)
    expect(allocate(bench, [[bar(bench).start, 4096n]]).mdl).toBeUndefined()
    expect(bench.kernel.lowResources.struck).toEqual(['MmAllocateMdlForIoSpace'])
    expect(bench.inUse).toEqual(before)
    expect(allocate(bench, [[bar(bench).start, 4096n]]).mdl).toBeDefined()
  })

  it('takes nothing of a list that it refuses', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const { start, size } = bar(bench)
    const last = start + BigInt(size)
    for (const range of [
      [start + 1n, 4096n],
      [last, 4096n],
      [last - 4096n, 8192n],
      [0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_f000n],
      [0n, 4096n],
    ] as const) {
      expect(allocate(bench, [range]).mdl).toBeUndefined()
    }
    expect(bench.inUse).toEqual(before)
  })

  it.each([0, -1, 2, 0.5])('is not asked for %s of a list of one', async (count) => {
    await using bench = await Bench.open()
    expect(allocate(bench, [[bar(bench).start, 4096n]], count).misuse).toBe('MDL-132')
  })

  it('gives no MDL when the pool is empty', async () => {
    await using bench = await Bench.open()
    const { start, size } = bar(bench)
    const many = Array.from({ length: 200 }, () => [start, BigInt(size)] as const)
    expect(allocate(bench, many).mdl).toBeUndefined()
    expect(bench.kernel.shortages.first?.code).toBe('out-of-memory')
  })

  it('is called at DISPATCH_LEVEL or below', async () => {
    await using bench = await Bench.open()
    expect(bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => allocate(bench, [[0n, 0n]]).misuse)).toBe('MDL-132')
  })
})

describe('an I/O-space MDL', () => {
  it('is one view of all its pages, in order, in which registers answer', async () => {
    await using bench = await Bench.open()
    const mdl = pagesOf(bench, 3, 0, 2)
    const before = bench.kernel.memory.views
    const view = map(bench, mdl)
    expect(bench.kernel.memory.views).toBe(before + 1)
    const read = (offset: number): number => bench.ddi.registers.READ_REGISTER_ULONG(va(view + BigInt(offset)))
    expect(read(P)).toBe(bar(bench).read32(0))
    expect(read(0)).toBe(bar(bench).read32(3 * P))
    expect(outcome(() => bench.kernel.memory.unmap(va(view + 4096n)))).toBe('access-violation')
    bench.ddi.mm.MmUnmapLockedPages(view, mdl)
    for (const offset of [0, P, 2 * P]) expect(outcome(() => read(offset))).toBe('DXM-022')
    bench.ddi.io.IoFreeMdl(mdl)
    expect(bench.kernel.memory.views).toBe(before)
  })

  it('may be mapped for user mode, where asked', async () => {
    await using bench = await Bench.open()
    const mdl = pagesOf(bench, 0, 1)
    const view = map(bench, mdl, KPROCESSOR_MODE.UserMode)
    bench.ddi.mm.MmUnmapLockedPages(view, mdl)
    expect(map(bench, mdl, KPROCESSOR_MODE.UserMode, view)).toBe(view)
    expect(bench.ddi.registers.loadUser32(view)).toBe(bar(bench).read32(0))
    const top = va(bench.kernel.memory.userProbeAddress - 4096n)
    expect(outcome(() => map(bench, mdl, KPROCESSOR_MODE.UserMode, top))).toBe('0xc0000141')
  })

  it('has parts, which are I/O space as well', async () => {
    await using bench = await Bench.open()
    const mdl = pagesOf(bench, 2, 0, 1)
    const part = bench.ddi.io.IoAllocateMdl(va(P + 8), P, false, false, null)
    if (part === null) throw new Error('no MDL')
    bench.ddi.io.IoBuildPartialMdl(mdl, part, va(P + 8), P)
    expect(part.has(MdlFlags.MDL_IO_SPACE)).toBe(true)
    expect([...MmGetMdlPfnArray(part)]).toEqual([...MmGetMdlPfnArray(mdl).subarray(1)])
    const view = map(bench, part)
    expect(bench.ddi.registers.READ_REGISTER_ULONG(view)).toBe(bar(bench).read32(8))
    bench.ddi.io.IoFreeMdl(part)
    bench.ddi.io.IoFreeMdl(mdl)
  })

  it('is protected by nobody, read-only for nobody, and no target of DMA', async () => {
    await using bench = await Bench.open()
    const mdl = pagesOf(bench, 0)
    const readOnly = bench.ddi.mm.MmMapLockedPagesSpecifyCache(mdl, 0, NONCACHED, NULL, false, 0x8000_0010)
    expect(readOnly).toBeNull()
    map(bench, mdl)
    expect(bench.ddi.mm.MmProtectMdlSystemAddress(mdl, PAGE_PROTECTION.PAGE_READONLY)).toBe(0xc000_00bb)
    expect(outcome(() => bench.ddi.mm.framesOf('test', mdl))).toBe('capability-missing')
  })

  it('is taken back at the end with its view', async () => {
    const bench = await Bench.open()
    map(bench, pagesOf(bench, 0, 1))
    expect(await bench.end()).toEqual(['MDL-133'])
    expect(bench.kernel.memory.views).toBe(0)
    await bench[Symbol.asyncDispose]()
  })

  it('that was changed while it is mapped is noticed', async () => {
    await using bench = await Bench.open()
    const mdl = pagesOf(bench, 0, 1)
    const view = map(bench, mdl)
    mdl.header.set('ByteCount', P)
    expect(outcome(() => bench.ddi.mm.MmUnmapLockedPages(view, mdl))).toBe('0xda/0x2')
  })
})

describe('pages of ranges', () => {
  it('are those of the ranges written out one by one', async () => {
    await using bench = await Bench.open()
    const region = bar(bench)
    const range = fc.record({ offset: fc.nat(50).map((page) => page * P), pages: fc.integer({ min: 1, max: 9 }) })
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), fc.nat(40), fc.nat(40), (list, first, count) => {
        const ranges = list.map((one) => ({ region, ...one }))
        const all = (of: typeof ranges): number[] =>
          of.flatMap(({ offset, pages }) => Array.from({ length: pages }, (_, i) => offset + i * P))
        expect(all([...sliceRanges(ranges, first, count)])).toEqual(all(ranges).slice(first, first + count))
      }),
    )
  })
})

describe('MmProtectMdlSystemAddress', () => {
  it("protects a part's own mapping, and not one that it borrowed", async () => {
    await using bench = await Bench.open()
    const { mm, io } = bench.ddi
    const source = bench.pages(2)
    const part = io.IoAllocateMdl(va(100), P, false, false, null)
    if (part === null) throw new Error('no MDL')
    io.IoBuildPartialMdl(source, part, va(100), P)
    const own = mm.MmGetSystemAddressForMdlSafe(part, NormalPagePriority) ?? NULL
    expect(mm.MmProtectMdlSystemAddress(part, PAGE_PROTECTION.PAGE_READONLY)).toBe(0)
    expect(outcome(() => bench.kernel.memory.fill(own, 1, 1))).toBe('access-violation')
    mm.MmPrepareMdlForReuse(part)
    const view = mm.MmMapLockedPagesSpecifyCache(source, 0, MmCached, NULL, false, NormalPagePriority) ?? NULL
    io.IoBuildPartialMdl(source, part, va(100), P)
    expect(mm.MmProtectMdlSystemAddress(part, PAGE_PROTECTION.PAGE_READONLY)).toBe(0xc000_0019)
    bench.kernel.memory.fill(view, 2 * P, 1)
  })
})
