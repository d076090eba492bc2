import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type PhysicalAddress, type Va, advance, physicalAddress, va } from '../../../../src/base/address.ts'
import {
  KIRQL,
  KPROCESSOR_MODE,
  MEMORY_CACHING_TYPE,
  MM_ALLOCATE,
  MdlFlags,
  POOL_FLAG,
} from '../../../../src/ddi/constants.ts'
import type { Mm } from '../../../../src/ddi/mm/mm.ts'
import { EMPTY_SLOT, type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { FREED_BYTE } from '../../../../src/memory/frame-store.ts'
import { Bench, MmCached, NULL, NormalPagePriority, TOP, ZERO, outcome } from '../bench.ts'

const { KernelMode, UserMode } = KPROCESSOR_MODE
const { MmNonCached } = MEMORY_CACHING_TYPE
const GIB4 = 0x1_0000_0000n
const { MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS: CHUNKS, MM_ALLOCATE_FULLY_REQUIRED: FULLY } = MM_ALLOCATE

interface Wanted {
  readonly low?: bigint
  readonly high?: bigint
  readonly skip?: bigint
  readonly bytes: number
  readonly flags?: number
}

const allocate = (mm: Mm, { low = 0n, high = TOP, skip = 0n, bytes, flags = 0 }: Wanted): Mdl | null =>
  mm.MmAllocatePagesForMdlEx(
    physicalAddress(low),
    physicalAddress(high),
    skip as PhysicalAddress,
    bytes,
    MmCached,
    flags,
  )

const mapKernel = (mm: Mm, mdl: Mdl, type: MEMORY_CACHING_TYPE = MmCached): Va | null =>
  mm.MmMapLockedPagesSpecifyCache(mdl, KernelMode, type, NULL, false, NormalPagePriority)
const mapUser = (mm: Mm, mdl: Mdl, at: Va = NULL, type: MEMORY_CACHING_TYPE = MmCached): Va | null =>
  mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, type, at, false, NormalPagePriority)

function present<T>(value: T | null): T {
  if (value === null) throw new Error('expected a value, got NULL')
  return value
}

const frameNumbers = (mdl: Mdl | null): number[] => [...MmGetMdlPfnArray(present(mdl))].map(Number)

describe('MmAllocatePagesForMdlEx', () => {
  it('gives locked, zeroed pages of its own, as many as the bytes need', async () => {
    await using bench = await Bench.open()
    bench.free(bench.pages(100))
    const mdl = present(allocate(bench.ddi.mm, { bytes: 5 * 4096 - 1 }))
    expect(MmGetMdlByteCount(mdl)).toBe(5 * 4096)
    expect(mdl.MdlFlags).toBe(MdlFlags.MDL_PAGES_LOCKED)
    expect(new Set(frameNumbers(mdl)).size).toBe(5)
    const view = present(mapKernel(bench.ddi.mm, mdl))
    expect(bench.kernel.memory.compare(view, new Uint8Array(5 * 4096))).toBe(-1)
  })

  it('does not zero them when told so', async () => {
    await using bench = await Bench.open()
    const high = GIB4
    bench.free(present(allocate(bench.ddi.mm, { bytes: 4096, high })))
    const all = present(allocate(bench.ddi.mm, { bytes: 256 * 4096, high, flags: MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION }))
    const view = present(mapKernel(bench.ddi.mm, all))
    expect(bench.kernel.memory.read(view, 256 * 4096).includes(FREED_BYTE)).toBe(true)
  })

  it('keeps to the window, and gives what there is of too much', async () => {
    await using bench = await Bench.open()
    const mdl = allocate(bench.ddi.mm, { bytes: 4096 * 4096, high: GIB4 - 1n })
    expect(frameNumbers(mdl).every((frame) => BigInt(frame) << 12n < GIB4)).toBe(true)
    expect(frameNumbers(mdl)).toHaveLength(256)
    expect(allocate(bench.ddi.mm, { bytes: 4096, high: GIB4 - 1n })).toBeNull()
  })

  it('gives nothing of too much when all of it is required, and keeps nothing', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    expect(allocate(bench.ddi.mm, { bytes: 4096 * 4096, flags: FULLY })).toBeNull()
    expect(bench.inUse).toEqual(before)
  })

  it('gives one contiguous block or none', async () => {
    await using bench = await Bench.open()
    const frames = frameNumbers(allocate(bench.ddi.mm, { bytes: 16 * 4096, flags: CHUNKS }))
    expect(frames).toEqual(frames.map((_, i) => (frames[0] ?? 0) + i))
    expect(allocate(bench.ddi.mm, { bytes: 300 * 4096, flags: CHUNKS, high: GIB4 - 1n })).toBeNull()
  })

  it('gives chunks of SkipBytes, each aligned to it', async () => {
    await using bench = await Bench.open()
    const frames = frameNumbers(allocate(bench.ddi.mm, { bytes: 32 * 4096, skip: 8n * 4096n, flags: CHUNKS }))
    expect(frames).toHaveLength(32)
    for (let chunk = 0; chunk < 32; chunk += 8) {
      expect((frames[chunk] ?? 1) % 8).toBe(0)
      expect(frames.slice(chunk, chunk + 8)).toEqual(Array.from({ length: 8 }, (_, i) => (frames[chunk] ?? 0) + i))
    }
  })

  it('slides the window by SkipBytes until the pages are found', async () => {
    await using bench = await Bench.open()
    const wanted = 0x1_8000_0000n + 100n * 4096n
    const low = wanted - GIB4
    const frames = frameNumbers(allocate(bench.ddi.mm, { bytes: 3 * 4096, low, high: low + 4095n, skip: GIB4 }))
    expect(frames).toEqual([Number(wanted >> 12n)])
  })

  it('finds what any of the windows holds, and nothing else, whatever the step', async () => {
    await using bench = await Bench.open()
    const all = Array.from({ length: 512 }, (_, index) => Number(bench.frames.pfn(index)))
    const rest = bench.pages(512)
    const free = all.filter((frame) => frameNumbers(rest).includes(frame))
    bench.free(rest)
    const page = fc
      .constantFrom(0, 0x7ff0, 0x8000, 0x80f0, 0x17_fff0, 0x18_0050)
      .chain((base) => fc.nat(40).map((step) => base + step))
    fc.assert(
      fc.property(page, fc.nat(60), fc.constantFrom(1, 3, 16, 0x100, 0x7800), (low, width, skip) => {
        const inWindow = (frame: number): boolean => frame >= low && (frame - low) % skip <= width
        const [start, end] = [BigInt(low) * 4096n, BigInt(low + width) * 4096n]
        const mdl = allocate(bench.ddi.mm, { bytes: 512 * 4096, low: start, high: end, skip: BigInt(skip) * 4096n })
        const frames = mdl === null ? [] : frameNumbers(mdl)
        expect(frames.toSorted((a, b) => a - b)).toEqual(free.filter(inWindow))
        if (mdl !== null) bench.free(mdl)
      }),
    )
  })

  it('ends in reasonable time when the windows have no more, however small the step', async () => {
    await using bench = await Bench.open()
    const mdl = allocate(bench.ddi.mm, { bytes: 4096 * 4096, low: 0n, high: 0x7fff_ffffn, skip: 4096n })
    expect(MmGetMdlByteCount(present(mdl))).toBe(bench.frames.allocated * 4096 - 64 * 4096)
  })

  it.each([
    ['no bytes', { bytes: 0 }],
    ['a part of a byte', { bytes: 0.5 }],
    ['more than 4 GiB less a page', { bytes: 2 ** 32 - 4095 }],
    ['a step of part of a page', { bytes: 4096, skip: 100n }],
    ['a step backwards', { bytes: 4096 * 4096, high: 0x800_0fffn, skip: -4096n }],
    ['a flag that there is not', { bytes: 4096, flags: 0x4000 }],
    ['chunks of no power of two', { bytes: 3 * 4096, skip: 3n * 4096n, flags: CHUNKS }],
    ['a part of a chunk', { bytes: 4096, skip: 2n * 4096n, flags: CHUNKS }],
  ])('returns NULL for %s', async (_, wanted) => {
    await using bench = await Bench.open()
    const before = bench.inUse
    expect(allocate(bench.ddi.mm, wanted)).toBeNull()
    expect(bench.inUse).toEqual(before)
  })

  it('returns NULL and keeps no page when the pool has no room for the MDL', async () => {
    await using bench = await Bench.open()
    const { pool } = bench.kernel
    while (pool.allocate(4096) !== undefined);
    while (pool.allocate(16) !== undefined);
    const before = bench.inUse
    expect(allocate(bench.ddi.mm, { bytes: 4096 })).toBeNull()
    expect(bench.inUse).toEqual(before)
  })

  it('names the PFNs of its own frames', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(3)
    const view = present(mapKernel(bench.ddi.mm, mdl))
    for (const [page, frame] of frameNumbers(mdl).entries()) {
      bench.kernel.memory.write(advance(view, page * 4096), Uint8Array.of(page + 1))
      expect(bench.frames.read((bench.frames.indexOf(frame) ?? -1) * 4096, 1)[0]).toBe(page + 1)
    }
  })
})

describe('MmFreePagesFromMdl and ExFreePool', () => {
  it('give back pages, a system view and the MDL', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const mdl = bench.pages(3)
    mapKernel(bench.ddi.mm, mdl)
    bench.ddi.mm.MmFreePagesFromMdl(mdl)
    expect(MmGetMdlPfnArray(mdl).every((slot) => slot === EMPTY_SLOT)).toBe(true)
    expect(mdl.MdlFlags).toBe(0)
    bench.ddi.mm.ExFreePool(mdl)
    expect(bench.inUse).toEqual(before)
  })

  it.each([
    ['pages freed twice', '0x1a/0x1236', ({ mm }: Bench['ddi'], mdl: Mdl) => mm.MmFreePagesFromMdl(mdl)],
    ['a mapping of freed pages', '0xc4/0x85', ({ mm }: Bench['ddi'], mdl: Mdl) => mapKernel(mm, mdl)],
  ])('make a misuse of %s', async (_, expected, use) => {
    await using bench = await Bench.open()
    const mdl = bench.pages(2)
    bench.ddi.mm.MmFreePagesFromMdl(mdl)
    expect(outcome(() => use(bench.ddi, mdl))).toBe(expected)
  })

  it.each<readonly [string, (bench: Bench, mdl: Mdl) => unknown]>([
    ['MmFreePagesFromMdl', ({ ddi }, mdl) => ddi.mm.MmFreePagesFromMdl(mdl)],
    ['ExFreePool', ({ ddi }, mdl) => ddi.mm.ExFreePool(mdl)],
    ['MmMapLockedPagesSpecifyCache', ({ ddi }, mdl) => mapKernel(ddi.mm, mdl)],
    ['MmUnmapLockedPages', ({ ddi }, mdl) => ddi.mm.MmUnmapLockedPages(va(4096), mdl)],
    [
      'MmGetSystemAddressForMdlSafe',
      ({ ddi }, mdl) => {
        // Whatever takes the place of a freed MDL may look like a mapped one.
        mdl.MdlFlags = MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
        return ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)
      },
    ],
  ])('leave an MDL that %s no longer knows', async (_, use) => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    bench.free(mdl)
    expect(outcome(() => use(bench, mdl))).toBe('MDL-013')
  })

  it('refuse an MDL whose pages are still there, or mapped for a user', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    expect(outcome(() => bench.ddi.mm.ExFreePool(mdl))).toBe('MDL-123')
    const view = present(mapUser(bench.ddi.mm, mdl))
    expect(outcome(() => bench.ddi.mm.MmFreePagesFromMdl(mdl))).toBe('0xc4/0xb8')
    bench.ddi.mm.MmUnmapLockedPages(view, mdl)
    expect(outcome(() => bench.free(mdl))).toBe('returned')
  })
})

describe('MmMapLockedPagesSpecifyCache', () => {
  it('maps for the system once and notes it in the MDL', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(2)
    const view = present(mapKernel(bench.ddi.mm, mdl))
    expect(view).toBeGreaterThanOrEqual(bench.kernel.memory.userProbeAddress)
    expect(mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)).toBe(true)
    expect(mdl.header.get('MappedSystemVa')).toBe(view)
    expect(bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)).toBe(view)
    expect(outcome(() => mapKernel(bench.ddi.mm, mdl))).toBe('0xc4/0xb2')
  })

  it('maps for the system once, also when a driver cleared the flag that says so', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    mapKernel(bench.ddi.mm, mdl)
    mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
    expect(outcome(() => mapKernel(bench.ddi.mm, mdl))).toBe('0xc4/0xb2')
    expect(bench.kernel.memory.views).toBe(1)
  })

  it('maps for users any number of times, below the probe address, and notes none in the MDL', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    const views = [mapUser(bench.ddi.mm, mdl), mapUser(bench.ddi.mm, mdl)].map(present)
    expect(new Set(views).size).toBe(2)
    expect(views.every((view) => view < bench.kernel.memory.userProbeAddress)).toBe(true)
    expect(mdl.MdlFlags).toBe(MdlFlags.MDL_PAGES_LOCKED)
  })

  it('takes the address that a user asks for', async () => {
    await using bench = await Bench.open()
    const at = advance(bench.kernel.memory.userProbeAddress, -0x10_0000)
    const mdl = bench.pages(1)
    expect(mapUser(bench.ddi.mm, mdl, at)).toBe(at)
    expect(outcome(() => mapUser(bench.ddi.mm, mdl, at))).toBe('0xc0000018')
    expect(outcome(() => mapUser(bench.ddi.mm, mdl, advance(at, 8)))).toBe('0xc0000141')
    const [last, before] = [-4096, -8192].map((back) => advance(bench.kernel.memory.userProbeAddress, back))
    expect(outcome(() => mapUser(bench.ddi.mm, mdl, last))).toBe('0xc0000141')
    expect(mapUser(bench.ddi.mm, mdl, before)).toBe(before)
  })

  it('ignores a requested address in KernelMode', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const view = mm.MmMapLockedPagesSpecifyCache(bench.pages(1), KernelMode, MmCached, va(8), false, 0)
    expect(view).not.toBeNull()
  })

  it('refuses another caching type while a view lives, by NULL or by raising', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    const user = present(mapUser(bench.ddi.mm, mdl))
    expect(mapKernel(bench.ddi.mm, mdl, MmNonCached)).toBeNull()
    expect(outcome(() => mapUser(bench.ddi.mm, mdl, NULL, MmNonCached))).toBe('0xc0000017')
    bench.ddi.mm.MmUnmapLockedPages(user, mdl)
    expect(mapKernel(bench.ddi.mm, mdl, MmNonCached)).not.toBeNull()
  })

  it('does not count a mapping that failed as a view', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    expect(outcome(() => mapUser(bench.ddi.mm, mdl, va(4096)))).toBe('0xc0000018')
    expect(mapKernel(bench.ddi.mm, mdl, MmNonCached)).not.toBeNull()
  })

  it('refuses BugCheckOnFailure, and an IRQL that is too high', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const mdl = bench.pages(1)
    const bad = (): unknown => mm.MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, true, 0)
    expect(outcome(bad)).toBe('0xc4/0x82')
    const atDispatch = (act: () => unknown): string => bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => outcome(act))
    expect(atDispatch(() => mapUser(mm, mdl))).toBe('0xc4/0x77')
    expect(atDispatch(() => mapKernel(mm, mdl))).toBe('returned')
  })
})

describe('MmUnmapLockedPages', () => {
  it('ends the view at the address, and the flag with the system one', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    const [system, user] = [present(mapKernel(bench.ddi.mm, mdl)), present(mapUser(bench.ddi.mm, mdl))]
    bench.ddi.mm.MmUnmapLockedPages(system, mdl)
    expect(mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)).toBe(false)
    expect(outcome(() => bench.kernel.memory.read(system, 1))).toBe('access-violation')
    expect(outcome(() => bench.kernel.memory.read(user, 1))).toBe('returned')
  })

  it('makes a misuse of a second time and of another address', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(2)
    const view = present(mapKernel(bench.ddi.mm, mdl))
    expect(outcome(() => bench.ddi.mm.MmUnmapLockedPages(advance(view, 4096), mdl))).toBe('0xda/0x3')
    bench.ddi.mm.MmUnmapLockedPages(view, mdl)
    expect(outcome(() => bench.ddi.mm.MmUnmapLockedPages(view, mdl))).toBe('0xc4/0xb6')
  })
})

describe('an MDL that a driver tampered with', () => {
  it('is found when its first page number was changed while it is mapped', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    const view = present(mapKernel(bench.ddi.mm, mdl))
    MmGetMdlPfnArray(mdl)[0] = 7n
    expect(outcome(() => bench.ddi.mm.MmUnmapLockedPages(view, mdl))).toBe('0xda/0x4')
  })

  it.each<readonly [string, (mdl: Mdl) => void]>([
    ['first page number', (mdl) => void (MmGetMdlPfnArray(mdl)[0] = 7n)],
    ['lock flag', (mdl) => void (mdl.MdlFlags = 0)],
    ['length', (mdl) => mdl.header.set('ByteCount', 0)],
  ])('is taken back all the same when Windows ends, whatever its %s says', async (_, tamper) => {
    await using bench = await Bench.open()
    const mdl = bench.pages(2)
    mapKernel(bench.ddi.mm, mdl)
    mapUser(bench.ddi.mm, mdl)
    tamper(mdl)
    expect(await bench.end()).toEqual(['MDL-123'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })
})

it('nothing is reported as left behind when nothing was', async () => {
  await using bench = await Bench.open()
  bench.free(bench.pages(3))
  expect(await bench.end()).toEqual([])
  expect(ZERO).toBe(0n)
})

it('a Windows that has ended has no documented results any more', async () => {
  await using bench = await Bench.open()
  const { mm, io } = bench.ddi
  await bench.end()
  expect(outcome(() => io.IoAllocateMdl(NULL, 8, false, false, null))).toBe('closed')
  expect(outcome(() => mm.ExAllocatePool2(POOL_FLAG.POOL_FLAG_NON_PAGED, 4096, 7))).toBe('closed')
})
