import { PAGE_SIZE } from '../base/pages.ts'

/** A stretch of Probar's physical space: frames [firstIndex, firstIndex + count) have the numbers from firstPfn on. */
export interface Bank {
  readonly firstIndex: number
  readonly firstPfn: number
  readonly count: number
}

/**
 * The low bank is the upper half of what so many address bits reach, so that a frame address is one that a device could
 * emit (HC-2).
 */
const LOW_BITS = 28
const HIGH_START = 0x1_8000_0000n

/**
 * Two halves, one below and one above 4 GiB, moved past every range that is to be avoided.
 * @param addressBits of the device: with fewer than 28 the lower half begins lower
 */
export function placeBanks(
  frames: number,
  avoid: readonly { readonly start: bigint; readonly size: number }[],
  addressBits: number = LOW_BITS,
): readonly Bank[] {
  const lowStart = 1n << BigInt(Math.min(addressBits, LOW_BITS) - 1)
  const half = Math.ceil(frames / 2)
  const low = { firstIndex: 0, firstPfn: place(lowStart, half, avoid), count: half }
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
