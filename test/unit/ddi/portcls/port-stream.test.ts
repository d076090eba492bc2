import { describe, expect, it } from '@jest/globals'
import { physicalAddress, va } from '../../../../src/base/address.ts'
import { KIRQL, MEMORY_CACHING_TYPE, MdlFlags } from '../../../../src/ddi/constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { Bench, MmCached, NULL, TOP, ZERO, outcome } from '../bench.ts'

const LAST_BELOW_4_GIB = physicalAddress(0xffff_ffff)

function present<T>(value: T | null): T {
  if (value === null) throw new Error('expected a value, got NULL')
  return value
}

const pages = (bench: Bench, bytes = 3 * 4096): Mdl => present(bench.ddi.portcls.AllocatePagesForMdl(TOP, bytes))

describe('an IPortWaveRTStream', () => {
  it('gives pages up to an address, which its accessors name in order', async () => {
    await using bench = await Bench.open()
    const { portcls } = bench.ddi
    const mdl = present(portcls.AllocatePagesForMdl(LAST_BELOW_4_GIB, 5000))
    const count = portcls.GetPhysicalPagesCount(mdl)
    const addresses = Array.from({ length: count }, (_, i) => portcls.GetPhysicalPageAddress(mdl, i))
    expect(addresses.map((address) => address >> 12n)).toEqual([...MmGetMdlPfnArray(mdl)])
    expect([count, addresses.every((address) => address <= LAST_BELOW_4_GIB)]).toEqual([2, true])
    expect([count, -1].map((index) => portcls.GetPhysicalPageAddress(mdl, index))).toEqual([0n, 0n])
    expect(bench.kernel.ledger.entries.map(({ rule }) => rule)).toEqual(['WRT-018', 'WRT-018'])
  })

  it('gives adjacent pages, all or none', async () => {
    await using bench = await Bench.open()
    const { portcls } = bench.ddi
    const mdl = present(portcls.AllocateContiguousPagesForMdl(ZERO, TOP, 9 * 4096))
    const frames = [...MmGetMdlPfnArray(mdl)]
    expect(frames).toEqual(frames.map((_, i) => (frames[0] ?? 0n) + BigInt(i)))
    expect(portcls.AllocateContiguousPagesForMdl(ZERO, LAST_BELOW_4_GIB, 300 * 4096)).toBeNull()
  })

  it('gives fewer pages when there are no more, and NULL when there is none', async () => {
    await using bench = await Bench.open()
    const { portcls } = bench.ddi
    const mdl = present(portcls.AllocatePagesForMdl(LAST_BELOW_4_GIB, 2000 * 4096))
    expect(MmGetMdlByteCount(mdl)).toBe(256 * 4096)
    expect(portcls.AllocatePagesForMdl(LAST_BELOW_4_GIB, 4096)).toBeNull()
  })

  it('gives half of the pages under low-resources simulation, and NULL where half is none', async () => {
    await using bench = await Bench.open()
    const { portcls } = bench.ddi
    bench.kernel.lowResources.failCall(1)
    expect(MmGetMdlByteCount(pages(bench, 5 * 4096))).toBe(2 * 4096)
    bench.kernel.lowResources.failCall(1)
    expect(portcls.AllocatePagesForMdl(TOP, 4096)).toBeNull()
    bench.kernel.lowResources.failCall(2)
    expect(portcls.AllocatePagesForMdl(TOP, 4096)).toBeNull()
    bench.kernel.lowResources.failCall(1)
    expect(portcls.AllocateContiguousPagesForMdl(ZERO, TOP, 5 * 4096)).toBeNull()
  })

  it('gives NULL for a limit below every page, or bounds that are crossed', async () => {
    await using bench = await Bench.open()
    const { portcls } = bench.ddi
    expect(portcls.AllocatePagesForMdl(physicalAddress(4094), 4096)).toBeNull()
    expect(portcls.AllocateContiguousPagesForMdl(TOP, ZERO, 4096)).toBeNull()
    expect(portcls.AllocatePagesForMdl(TOP, 0)).toBeNull()
  })

  it('takes adjacent pages in one step', async () => {
    await using bench = await Bench.open()
    const before = bench.kernel.frames.allocated
    const mdl = present(bench.ddi.portcls.AllocateContiguousPagesForMdl(ZERO, TOP, 3 * 4096))
    expect(bench.kernel.frames.allocated - before).toBe(3)
    expect(bench.ddi.portcls.allocated).toEqual([mdl])
  })

  it('returns NULL for a caching type that there is not', async () => {
    await using bench = await Bench.open()
    expect(bench.ddi.portcls.MapAllocatedPages(pages(bench), 3)).toBeNull()
  })

  it('unmaps its own view only, and once', async () => {
    await using bench = await Bench.open()
    const { portcls, mm } = bench.ddi
    const mdl = pages(bench)
    expect(outcome(() => portcls.UnmapAllocatedPages(NULL, mdl))).toBe('0xc4/0xb6')
    const view = present(portcls.MapAllocatedPages(mdl, MmCached))
    const client = present(mm.MmMapLockedPagesSpecifyCache(mdl, 1, MmCached, NULL, false, 0))
    for (const foreign of [NULL, client, va(view + 4096n)])
      expect(outcome(() => portcls.UnmapAllocatedPages(foreign, mdl))).toBe('0xda/0x3')
    portcls.UnmapAllocatedPages(view, mdl)
    expect(outcome(() => portcls.UnmapAllocatedPages(view, mdl))).toBe('0xc4/0xb6')
    expect(outcome(() => portcls.FreePagesFromMdl(mdl))).toBe('0xc4/0xb8')
    mm.MmUnmapLockedPages(client, mdl)
    portcls.FreePagesFromMdl(mdl)
  })

  it('maps all pages into one kernel range and unmaps them', async () => {
    await using bench = await Bench.open()
    const { portcls } = bench.ddi
    const mdl = pages(bench)
    const view = present(portcls.MapAllocatedPages(mdl, MmCached))
    bench.kernel.memory.write(view, new Uint8Array(3 * 4096).fill(7))
    expect(mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)).toBe(true)
    portcls.UnmapAllocatedPages(view, mdl)
    expect(outcome(() => bench.kernel.memory.read(view, 1))).toBe('access-violation')
  })

  it('frees pages and MDL together, once their mapping is gone', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const { portcls } = bench.ddi
    const mdl = pages(bench)
    const view = present(portcls.MapAllocatedPages(mdl, MmCached))
    expect(outcome(() => portcls.FreePagesFromMdl(mdl))).toBe('0xc4/0xb8')
    portcls.UnmapAllocatedPages(view, mdl)
    portcls.FreePagesFromMdl(mdl)
    expect(bench.inUse).toEqual(before)
    expect(outcome(() => portcls.FreePagesFromMdl(mdl))).toBe('WRT-013')
  })

  it('returns NULL, and does not raise, when pages cannot be mapped', async () => {
    await using bench = await Bench.open()
    const mdl = pages(bench)
    bench.ddi.mm.MmMapLockedPagesSpecifyCache(mdl, 1, MmCached, NULL, false, 0)
    expect(bench.ddi.portcls.MapAllocatedPages(mdl, MEMORY_CACHING_TYPE.MmWriteCombined)).toBeNull()
  })

  it.each<readonly [string, (bench: Bench, mdl: Mdl) => unknown]>([
    ['MapAllocatedPages', ({ ddi }, mdl) => ddi.portcls.MapAllocatedPages(mdl, MmCached)],
    ['UnmapAllocatedPages', ({ ddi }, mdl) => ddi.portcls.UnmapAllocatedPages(NULL, mdl)],
    ['FreePagesFromMdl', ({ ddi }, mdl) => ddi.portcls.FreePagesFromMdl(mdl)],
    ['GetPhysicalPagesCount', ({ ddi }, mdl) => ddi.portcls.GetPhysicalPagesCount(mdl)],
    ['GetPhysicalPageAddress', ({ ddi }, mdl) => ddi.portcls.GetPhysicalPageAddress(mdl, 0)],
  ])('%s takes MDLs of the stream only, at PASSIVE_LEVEL only', async (_, use) => {
    await using bench = await Bench.open()
    expect(outcome(() => use(bench, bench.pages(1)))).toBe('WRT-013')
    const own = pages(bench)
    expect(bench.kernel.at(KIRQL.APC_LEVEL, () => outcome(() => use(bench, own)))).toBe('WRT-021')
  })
})
