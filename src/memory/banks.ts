import { PAGE_SIZE } from '../base/pages.ts'

/** A stretch of Probar's physical space: frames [firstIndex, firstIndex + count) have the numbers from firstPfn on. */
export interface Bank {
  readonly firstIndex: number
  readonly firstPfn: number
  readonly count: number
}

/** Low enough for devices with 28 address bits, so that a frame address is one that they could emit (HC-2). */
const LOW_START = 0x0800_0000n
const HIGH_START = 0x1_8000_0000n

/** Two halves, one below and one above 4 GiB, moved past every range that is to be avoided. */
export function placeBanks(
  frames: number,
  avoid: readonly { readonly start: bigint; readonly size: number }[],
): readonly Bank[] {
  const half = Math.ceil(frames / 2)
  const low = { firstIndex: 0, firstPfn: place(LOW_START, half, avoid), count: half }
  const rest = frames - half
  const high = { firstIndex: half, firstPfn: place(HIGH_START, rest, [...avoid, rangeOf(low)]), count: rest }
  return [low, high].filter((bank) => bank.count > 0)
}

/** Frames that lie where they really do, one bank for each stretch of adjacent ones. @param pages number of each frame */
export function banksOf(pages: Float64Array): readonly Bank[] {
  const starts = [...pages.keys()].filter((index) => index === 0 || pages[index] !== (pages[index - 1] ?? 0) + 1)
  return starts.map((firstIndex, at) => {
    const count = (starts[at + 1] ?? pages.length) - firstIndex
    return { firstIndex, firstPfn: pages[firstIndex] ?? 0, count }
  })
}

/** So that the other bank keeps away from it, too. */
function rangeOf({ firstPfn, count }: Bank): { readonly start: bigint; readonly size: number } {
  return { start: BigInt(firstPfn) * BigInt(PAGE_SIZE), size: count * PAGE_SIZE }
}

function place(
  wanted: bigint,
  count: number,
  avoid: readonly { readonly start: bigint; readonly size: number }[],
): number {
  const bytes = BigInt(count) * BigInt(PAGE_SIZE)
  const pages = BigInt(PAGE_SIZE)
  let start = wanted
  for (const range of avoid.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const end = range.start + BigInt(range.size)
    if (range.start < start + bytes && start < end) start = ((end + pages - 1n) / pages) * pages
  }
  return Number(start / pages)
}
