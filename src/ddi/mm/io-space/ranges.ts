import type { Region } from '../../../device/contract.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../../base/pages.ts'

/** Adjacent pages of one BAR. */
export interface IoRange {
  readonly region: Region
  /** Bytes from the BAR's start, a multiple of the page size. */
  readonly offset: number
  readonly pages: number
}

/** Pages [first, first + count) of the ranges, taken one after another. */
export function sliceRanges(ranges: readonly IoRange[], first: number, count: number): readonly IoRange[] {
  const taken: IoRange[] = []
  let before = 0
  for (const { region, offset, pages } of ranges) {
    const from = Math.max(0, first - before)
    const to = Math.min(pages, first + count - before)
    if (from < to) taken.push({ region, offset: offset + from * PAGE_SIZE, pages: to - from })
    before += pages
  }
  return taken
}

/** Number of the first page. */
export const firstPfn = ({ region, offset }: IoRange): number =>
  Number((region.start + BigInt(offset)) >> BigInt(PAGE_SHIFT))
