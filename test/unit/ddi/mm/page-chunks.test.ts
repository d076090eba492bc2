import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { physicalAddress } from '../../../../src/base/address.ts'
import { KIRQL, MM_ALLOCATE } from '../../../../src/ddi/constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { Bench, MmCached, TOP, ZERO, outcome } from '../bench.ts'

const {
  MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS: CHUNKS,
  MM_ALLOCATE_PREFER_CONTIGUOUS: PREFER,
  MM_ALLOCATE_FULLY_REQUIRED: FULLY,
  MM_ALLOCATE_FAST_LARGE_PAGES: LARGE,
  MM_ALLOCATE_AND_HOT_REMOVE: HOT_REMOVE,
} = MM_ALLOCATE

const numbers = (mdl: Mdl | null): number[] => (mdl === null ? [] : [...MmGetMdlPfnArray(mdl)].map(Number))
const pages = (count: number): ReturnType<typeof physicalAddress> => physicalAddress(BigInt(count) * 4096n)

/** Windows [low, high] moved up by whole skips, against one chunk, by trying each. */
const someWindowHolds = (low: number, high: number, skip: number, first: number, last: number): boolean => {
  for (let slide = 0; low + slide <= last; slide += skip) if (first >= low + slide && last <= high + slide) return true
  return false
}

describe('MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS', () => {
  it('gives chunks that some window holds, and all of those when asked for everything', async () => {
    await using bench = await Bench.open()
    const taken = bench.pages(100)
    const all = Array.from({ length: 512 }, (_, index) => Number(bench.frames.pfn(index)))
    const page = fc
      .constantFrom(0x7ff0, 0x8000, 0x80f0, 0x17_fff0, 0x18_0050)
      .chain((at) => fc.nat(40).map((n) => at + n))
    const rest = bench.pages(512)
    const free = new Set(numbers(rest))
    bench.free(rest)
    fc.assert(
      fc.property(page, fc.nat(300), fc.constantFrom(1, 2, 4, 8), (low, width, size) => {
        const wanted = 512 - (512 % size)
        const mdl = bench.ddi.mm.MmAllocatePagesForMdlEx(
          pages(low),
          physicalAddress(BigInt(low + width) * 4096n + 4095n),
          pages(size),
          wanted * 4096,
          MmCached,
          CHUNKS,
        )
        const got = numbers(mdl)
        expect(got.length % size).toBe(0)
        const starts = got.filter((_, i) => i % size === 0)
        expect(got).toEqual(starts.flatMap((start) => Array.from({ length: size }, (_, i) => start + i)))
        const possible = all.filter((start) => {
          const chunk = Array.from({ length: size }, (_, i) => start + i)
          const whole = start % size === 0 && chunk.every((one) => free.has(one))
          return whole && someWindowHolds(low, low + width, size, start, start + size - 1)
        })
        expect(starts.toSorted((a, b) => a - b)).toEqual(possible.toSorted((a, b) => a - b))
        if (mdl !== null) bench.free(mdl)
      }),
      { numRuns: 60 },
    )
    bench.free(taken)
  })
})

describe('the other flags', () => {
  const allocate = ({ ddi }: Bench, count: number, flags: number, skip = ZERO): Mdl | null =>
    ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, skip, count * 4096, MmCached, flags)

  it('prefer adjacent pages where there are some, and take others where there are not', async () => {
    await using bench = await Bench.open()
    const run = numbers(allocate(bench, 64, PREFER))
    expect(run).toEqual(run.map((_, i) => (run[0] ?? 0) + i))
    expect(MmGetMdlByteCount(allocate(bench, 350, PREFER) ?? bench.pages(1))).toBe(350 * 4096)
  })

  it.each([
    ['large pages without chunks', LARGE, 0],
    ['large pages of a small size', LARGE | CHUNKS, 4],
    ['large pages, whose cache is empty', LARGE | CHUNKS, 512],
    ['hot removal of all or nothing', HOT_REMOVE | FULLY, 0],
  ])('give NULL for %s', async (_, flags, skip) => {
    await using bench = await Bench.open()
    expect(allocate(bench, Math.max(1, skip), flags, pages(skip))).toBeNull()
  })

  it('let pages be removed at PASSIVE_LEVEL only', async () => {
    await using bench = await Bench.open()
    const mdl = allocate(bench, 2, HOT_REMOVE)
    expect(numbers(mdl)).toHaveLength(2)
    const raised = (): string => outcome(() => allocate(bench, 2, HOT_REMOVE))
    expect(bench.kernel.at(KIRQL.APC_LEVEL, raised)).toBe('MDL-121')
  })
})

describe('the variants', () => {
  it('give zeroed pages without flags, and pages of node 0', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const plain = mm.MmAllocatePagesForMdl(ZERO, TOP, ZERO, 3 * 4096)
    expect(numbers(plain)).toHaveLength(3)
    expect(numbers(mm.MmAllocateNodePagesForMdlEx(ZERO, TOP, ZERO, 4096, MmCached, 0, 0))).toHaveLength(1)
    expect(mm.MmAllocateNodePagesForMdlEx(ZERO, TOP, ZERO, 4096, MmCached, 1, 0)).toBeNull()
    expect(mm.MmAllocateNodePagesForMdlEx(ZERO, TOP, ZERO, 4096, MmCached, -1, 0)).toBeNull()
  })
})
