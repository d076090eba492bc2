import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FreeRanges } from '../../../src/device/free-ranges.ts'

const SPACE = 64

/** The same bookkeeping, a page at a time. */
function pagesOf(ranges: FreeRanges): boolean[] {
  return Array.from({ length: SPACE }, (_, page) => {
    const range = ranges.fit(page, 1)
    return range !== undefined && range.start <= page
  })
}

const steps = fc.array(
  fc.record({
    give: fc.boolean(),
    start: fc.integer({ min: 0, max: SPACE - 1 }),
    pages: fc.integer({ min: 1, max: 12 }),
  }),
  { maxLength: 60 },
)

describe('free ranges', () => {
  it('are what was given and not taken', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const ranges = new FreeRanges()
        const free: boolean[] = Array.from({ length: SPACE }, () => false)
        for (const { give, start, pages } of list) {
          const end = Math.min(SPACE, start + pages)
          const part = free.slice(start, end)
          if (give && part.some((page) => page)) continue
          if (give) ranges.give(start, end)
          else {
            const taken = ranges.take(start, end).reduce((sum, range) => sum + range.end - range.start, 0)
            expect(taken).toBe(part.filter((page) => page).length)
          }
          free.fill(give, start, end)
          expect(pagesOf(ranges)).toEqual(free)
          expect(ranges.pages).toBe(free.filter((page) => page).length)
        }
      }),
    )
  })

  it('fit at the first place that is wide enough', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: SPACE, maxLength: SPACE }),
        fc.nat(SPACE),
        fc.integer({ min: 1, max: 10 }),
        (free, from, pages) => {
          const ranges = new FreeRanges()
          free.forEach((page, index) => page && ranges.give(index, index + 1))
          const text = free.map((page) => (page ? 'f' : '.')).join('')
          const gaps = [...text.matchAll(/f+/g)].map((gap) => ({ start: gap.index, end: gap.index + gap[0].length }))
          const wanted = gaps.find(({ start, end }) => end > from && end - start >= pages)
          const found = ranges.fit(from, pages)
          expect(found && { start: found.start, end: found.end }).toEqual(wanted)
          expect(ranges.widest).toBe(Math.max(0, ...gaps.map(({ start, end }) => end - start)))
        },
      ),
    )
  })

  it('stay right with thousands of ranges, until they are one again', () => {
    const ranges = new FreeRanges()
    const order = Array.from({ length: 2000 }, (_, index) => (index * 1_237) % 2000)
    for (const index of order) ranges.give(2 * index, 2 * index + 1)
    expect(ranges.pages).toBe(2000)
    for (const index of order) expect(ranges.fit(2 * index, 1)).toEqual({ start: 2 * index, end: 2 * index + 1 })
    expect(ranges.fit(0, 2)).toBeUndefined()
    for (const index of order) ranges.give(2 * index + 1, 2 * index + 2)
    expect(ranges.fit(0, 4000)).toEqual({ start: 0, end: 4000 })
    expect(ranges.take(0, 5000)).toEqual([{ start: 0, end: 4000 }])
  })

  it('know the widest of thousands, also after the widest was taken', () => {
    const ranges = new FreeRanges()
    for (let index = 0; index < 2000; index++) ranges.give(4 * index, 4 * index + 1 + (index % 500 === 100 ? 1 : 0))
    const wide = [100, 600, 1100, 1600].map((index) => ({ start: 4 * index, end: 4 * index + 2 }))
    for (const range of wide) {
      expect([ranges.widest, ranges.fit(0, 2)]).toEqual([2, range])
      ranges.take(range.start, range.end)
    }
    expect([ranges.widest, ranges.fit(0, 2)]).toEqual([1, undefined])
  })
})
