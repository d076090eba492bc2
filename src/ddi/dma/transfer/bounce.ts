import { ProbarError } from '../../../base/errors.ts'
import { PAGE_SIZE, pagesIn } from '../../../base/pages.ts'
import { physicalAddress } from '../../../base/address.ts'
import { GUARD_BYTE } from '../../../memory/patterns.ts'
import type { FrameStore } from '../../../memory/frame-store.ts'
import type { AdapterState } from '../state.ts'
import type { BufferRange } from './buffer-range.ts'

/** Map registers that are pages: what of a range is copied, and where to (DMA-028, DMA-046). */
export interface Bounce {
  /** What the device is given, in order: the range's own frames, and bounce frames in place of some. */
  readonly frames: Uint32Array
  /** Positions in `frames` at which bounce frames stand. */
  readonly places: Uint32Array
  /** All are bounce frames, and the range's bytes follow one another in them, from the offset of the first piece on. */
  readonly packed: boolean
}

/** The highest physical address that the adapter's device reaches; all of them where the domain remaps. */
export function highestReached({ addressWidth, domain, platform }: AdapterState): bigint {
  if (remaps({ domain, platform })) return 0xffff_ffff_ffff_ffffn
  return (1n << BigInt(Math.min(addressWidth, domain.capabilities.addressBits))) - 1n
}

/** False where a device's address is that of the frame, or the driver is not opted in (DMA-060). */
export const remaps = ({ domain, platform }: Pick<AdapterState, 'domain' | 'platform'>): boolean =>
  platform.remapping && domain.capabilities.placement !== 'identity'

/** Positions of the frames that lie above what the device reaches (DMA-046). */
export function outOfReach(frames: FrameStore, indices: Uint32Array, highest: bigint): Uint32Array {
  const lastPfn = Number(highest / BigInt(PAGE_SIZE))
  if (frames.banks.every(({ firstPfn, count }) => firstPfn + count - 1 <= lastPfn)) return new Uint32Array()
  const found = new Uint32Array(indices.length)
  let count = 0
  for (let i = 0; i < indices.length; i++) if (frames.pfn(indices[i] ?? 0) > lastPfn) found[count++] = i
  return found.subarray(0, count)
}

/** Bounce frames at these positions. @returns undefined when there are not enough below the device's reach */
export function bounceAt(state: AdapterState, indices: Uint32Array, places: Uint32Array): Bounce | undefined {
  const taken = take(state, places.length, false)
  if (taken === undefined) return undefined
  const frames = places.length === 0 ? indices : indices.slice()
  for (let i = 0; i < places.length; i++) frames[places[i] ?? 0] = taken[i] ?? 0
  return { frames, places, packed: false }
}

/** Adjacent bounce frames for the whole range, for a device that takes one element only (DMA-024). */
export function bounceWhole(state: AdapterState, { pieces, length }: BufferRange): Bounce | undefined {
  const frames = take(state, pagesIn((pieces[0]?.offset ?? 0) + length), true)
  return frames === undefined ? undefined : { frames, places: frames.map((_, place) => place), packed: true }
}

/** Frames within the device's reach, filled with guard bytes. */
function take(state: AdapterState, count: number, contiguous: boolean): Uint32Array | undefined {
  if (count === 0) return new Uint32Array()
  const { frames, shortages } = state.kernel
  const taken = frames.allocate({ count, high: physicalAddress(highestReached(state)), contiguous })
  frames.native.fillPages(frames.area, taken, GUARD_BYTE)
  if (taken.length === count) return taken
  frames.free(taken)
  const why = `${count} bounce pages below 2^${state.addressWidth} are more than there are`
  shortages.note(new ProbarError('out-of-memory', `${why}: use a device with wider addresses, or shorter transfers`))
  return undefined
}

export function freeBounce({ kernel }: AdapterState, { frames, places }: Bounce): void {
  kernel.frames.free(places.map((place) => frames[place] ?? 0))
}

/** One way of a copy. */
type Direction = 'to-bounce' | 'from-bounce'

/** Copies the bytes of the range that have bounce frames, and no other byte of their pages. */
export function copyBounced(state: AdapterState, range: BufferRange, bounce: Bounce, way: Direction): void {
  const { native, area } = state.kernel.frames
  const copy = (own: number, bounced: number, bytes: number): void => {
    if (way === 'to-bounce') native.copy(area, bounced, area, own, bytes)
    else native.copy(area, own, area, bounced, bytes)
  }
  if (bounce.packed) copyPacked(range, bounce, copy)
  else copyPages(range, bounce, copy)
}

/** @param own byte offset in the home view, as `bounced` */
type Copy = (own: number, bounced: number, bytes: number) => void

function copyPages({ frames, pieces }: BufferRange, bounce: Bounce, copy: Copy): void {
  let at = 0
  for (const { firstPage, pages, offset, length } of pieces) {
    for (; at < bounce.places.length; at++) {
      const place = bounce.places[at] ?? 0
      if (place >= firstPage + pages) break
      const page = (place - firstPage) * PAGE_SIZE
      const from = Math.max(offset, page)
      const bytes = Math.min(offset + length, page + PAGE_SIZE) - from
      const inPage = from - page
      copy((frames[place] ?? 0) * PAGE_SIZE + inPage, (bounce.frames[place] ?? 0) * PAGE_SIZE + inPage, bytes)
    }
  }
}

function copyPacked({ frames, pieces }: BufferRange, bounce: Bounce, copy: Copy): void {
  let bounced = (bounce.frames[0] ?? 0) * PAGE_SIZE + (pieces[0]?.offset ?? 0)
  for (const { firstPage, offset, length } of pieces) {
    for (let done = 0; done < length;) {
      const at = offset + done
      const inPage = at % PAGE_SIZE
      const bytes = Math.min(length - done, PAGE_SIZE - inPage)
      copy((frames[firstPage + Math.floor(at / PAGE_SIZE)] ?? 0) * PAGE_SIZE + inPage, bounced, bytes)
      bounced += bytes
      done += bytes
    }
  }
}
