import { type PhysicalAddress, physicalAddress } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Bank } from '../../memory/banks.ts'
import type { FrameStore } from '../../memory/frame-store.ts'

/** What the page-allocating routines ask for, in documented terms. */
export interface PageRequest {
  readonly LowAddress: PhysicalAddress
  readonly HighAddress: PhysicalAddress
  /** Bytes by which the window slides; 0 means one window (MDL-110). */
  readonly SkipBytes: bigint
  readonly pages: number
  /** MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS */
  readonly chunks: boolean
  /** MM_ALLOCATE_PREFER_CONTIGUOUS: adjacent frames where a window has so many (MDL-120) */
  readonly adjacent?: boolean
}

const TOP = 0xffff_ffff_ffff_ffffn

/**
 * Frames for a request, fewer than asked for when the windows have no more. With `chunks` and SkipBytes 0 one block
 * or none (MDL-118); with `chunks` and SkipBytes whole blocks of SkipBytes, each aligned to it (MDL-119).
 */
export function allocateFromWindows(frames: FrameStore, request: PageRequest): Uint32Array {
  const { LowAddress: low, HighAddress: high, SkipBytes: skip, pages, chunks } = request
  if (chunks && skip === 0n) return frames.allocate({ count: pages, low, high, contiguous: true })
  const chunkPages = chunks ? Number(skip) / PAGE_SIZE : undefined
  const found = new Uint32Array(Math.min(pages, frames.size / PAGE_SIZE))
  let count = 0
  for (const window of windows(frames, low, high, skip)) {
    if (count >= found.length) break
    if (request.adjacent === true) count = takeAdjacent(frames, window, found, count)
    if (count < found.length) count = takeFrom(frames, window, found, count, chunkPages)
  }
  return found.slice(0, count)
}

/** As `takeFrom`, all that is wanted in one run, or none. */
function takeAdjacent(frames: FrameStore, window: Window, found: Uint32Array, count: number): number {
  const run = frames.allocate({ count: found.length - count, ...window, contiguous: true })
  found.set(run, count)
  return count + run.length
}

/** Writes frames of the window behind the `count` that there are; returns how many there are then. */
function takeFrom(
  frames: FrameStore,
  window: Window,
  found: Uint32Array,
  count: number,
  chunkPages: number | undefined,
): number {
  if (chunkPages === undefined) {
    const scattered = frames.allocate({ count: found.length - count, ...window })
    found.set(scattered, count)
    return count + scattered.length
  }
  const run = { count: chunkPages, ...window, contiguous: true, alignment: chunkPages }
  let chunk = frames.allocate(run)
  let filled = count
  while (chunk.length > 0) {
    found.set(chunk, filled)
    filled += chunk.length
    if (filled + chunkPages > found.length) break
    chunk = frames.allocate({ ...run, after: chunk[chunkPages - 1] ?? 0 })
  }
  return filled
}

interface Window {
  readonly low: PhysicalAddress
  readonly high: PhysicalAddress
}

/**
 * [low, high], then both ends moved up by skip until the highest frame is passed. Windows that reach no frame which the
 * one before did not are left out, and so is what it has already been searched for: a step may be a page, and the
 * physical space is wide.
 */
function* windows(frames: FrameStore, low: PhysicalAddress, high: PhysicalAddress, skip: bigint): Generator<Window> {
  if (low > high) return
  let searched = -1n
  for (
    let slide: bigint | undefined = 0n;
    slide !== undefined;
    slide = nextSlide(frames.banks, high + slide, skip, slide)
  ) {
    const end = high + slide > TOP ? TOP : high + slide
    // A chunk of skip bytes may begin where the window before ended.
    const start = larger(low + slide, searched + 1n - skip)
    yield { low: physicalAddress(start), high: physicalAddress(end) }
    searched = end
  }
}

/** The next slide whose window ends above `end` and inside a bank, or undefined. */
function nextSlide(banks: readonly Bank[], end: bigint, skip: bigint, slide: bigint): bigint | undefined {
  if (skip === 0n) return undefined
  const steps = banks.map(rangeOf).flatMap(({ first, last }) => {
    if (last <= end) return []
    return [first <= end + skip ? 1n : (first - end + skip - 1n) / skip]
  })
  if (steps.length === 0) return undefined
  return slide + skip * steps.reduce((least, count) => (count < least ? count : least))
}

/** Addresses, inclusive. */
function rangeOf({ firstPfn, count }: Bank): { readonly first: bigint; readonly last: bigint } {
  const pages = BigInt(PAGE_SIZE)
  return { first: BigInt(firstPfn) * pages, last: BigInt(firstPfn + count) * pages - 1n }
}

const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other)
