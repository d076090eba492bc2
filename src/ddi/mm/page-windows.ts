import { type PhysicalAddress, physicalAddress } from '../../base/address.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
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
  const found: number[] = []
  for (const window of windows(frames, low, high, skip)) {
    if (found.length >= pages) break
    found.push(...takeFrom(frames, window, pages - found.length, chunkPages))
  }
  return Uint32Array.from(found)
}

function takeFrom(frames: FrameStore, window: Window, wanted: number, chunkPages: number | undefined): Uint32Array {
  if (chunkPages === undefined) return frames.allocate({ count: wanted, ...window })
  const chunks: number[] = []
  while (chunks.length < wanted) {
    const chunk = frames.allocate({ count: chunkPages, ...window, contiguous: true, alignment: chunkPages })
    if (chunk.length === 0) break
    chunks.push(...chunk)
  }
  return Uint32Array.from(chunks)
}

interface Window {
  readonly low: PhysicalAddress
  readonly high: PhysicalAddress
}

/** [low, high], then both ends moved up by skip until the highest frame is passed. */
function* windows(frames: FrameStore, low: PhysicalAddress, high: PhysicalAddress, skip: bigint): Generator<Window> {
  const last = frames.banks.at(-1)
  const highest = last === undefined ? 0n : BigInt(last.firstPfn + last.count) * BigInt(PAGE_SIZE)
  for (let slide = 0n; low + slide < highest; slide += skip) {
    const end = high + slide
    yield { low: physicalAddress(low + slide), high: physicalAddress(end > TOP ? TOP : end) }
    if (skip === 0n) return
  }
}
