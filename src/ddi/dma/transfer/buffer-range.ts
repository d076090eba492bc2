import { PAGE_SIZE, pagesIn } from '../../../base/pages.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlByteOffset, describesLockedPages } from '../../mm/mdl.ts'
import type { AdapterState } from '../state.ts'
import { ulong } from '../ulong.ts'
import { violate } from '../violation.ts'

/** The part of a range that lies in one MDL. */
export interface Piece {
  readonly mdl: Mdl
  /** Pages of the pieces before it. */
  readonly firstPage: number
  readonly pages: number
  /** Bytes from the start of its first page, below a page. */
  readonly offset: number
  readonly length: number
}

/** Bytes of a chain of MDLs, as a device needs them: the frames in order, and what of them is meant. */
export interface BufferRange {
  /** Frame indices of all pieces, in order. */
  readonly frames: Uint32Array
  readonly pieces: readonly Piece[]
  /** Bytes. */
  readonly length: number
}

/**
 * The bytes [offset, offset + length) of the chain that begins with `first`, by Next (DMA-023), or as many of them as
 * there are.
 * @param offset bytes from the start of the first MDL's buffer; may lie in a later one
 * @throws BugCheck 0xE6/0x0E for pages that are not locked (VER-007)
 */
export function rangeOf(state: AdapterState, routine: string, first: Mdl, offset: number, length: number): BufferRange {
  const parts: Uint32Array[] = []
  const pieces: Piece[] = []
  let [skipped, done, pages] = [ulong(offset, 'Offset'), 0, 0]
  const empty = new Set<Mdl>()
  ulong(length, 'Length')
  let next: Mdl | null = first
  while (next !== null && done < length) {
    const mdl: Mdl = next
    const frames = lockedFrames(state, routine, mdl)
    const bytes = MmGetMdlByteCount(mdl)
    if (bytes === 0) requireFirstTime(state, routine, empty, mdl)
    const from = Math.min(skipped, bytes)
    skipped -= from
    const taken = Math.min(bytes - from, length - done)
    if (done + taken < length) next = state.mm.nextOf(routine, mdl)
    if (taken === 0) continue
    const start = MmGetMdlByteOffset(mdl) + from
    const page = Math.floor(start / PAGE_SIZE)
    const span = pagesIn((start % PAGE_SIZE) + taken)
    parts.push(frames.subarray(page, page + span))
    pieces.push({ mdl, firstPage: pages, pages: span, offset: start % PAGE_SIZE, length: taken })
    pages += span
    done += taken
  }
  return { frames: joined(parts, pages), pieces, length: done }
}

/** The first bytes of a range, as many pages of it as told or fewer. */
export function firstPages(range: BufferRange, pages: number): BufferRange {
  let length = 0
  const pieces: Piece[] = []
  for (const piece of range.pieces) {
    const span = Math.min(piece.pages, pages - piece.firstPage)
    if (span <= 0) break
    const taken = Math.min(piece.length, span * PAGE_SIZE - piece.offset)
    pieces.push({ ...piece, pages: span, length: taken })
    length += taken
  }
  return { frames: range.frames.subarray(0, pages), pieces, length }
}

/** The first bytes of a range. @param length 1 to those that it has */
export function firstBytes(range: BufferRange, length: number): BufferRange {
  let left = length
  let pages = 0
  const pieces = range.pieces.flatMap((piece) => {
    const taken = Math.min(piece.length, left)
    if (taken === 0) return []
    left -= taken
    const span = pagesIn(piece.offset + taken)
    pages = piece.firstPage + span
    return [{ ...piece, pages: span, length: taken }]
  })
  return { frames: range.frames.subarray(0, pages), pieces, length }
}

/** A chain that leads back to an MDL without bytes has no end. */
function requireFirstTime({ kernel }: AdapterState, routine: string, empty: Set<Mdl>, mdl: Mdl): void {
  if (empty.has(mdl)) {
    kernel.ledger.raise({ rule: 'DMA-023', routine, text: 'the chain leads back to an MDL without bytes' })
  }
  empty.add(mdl)
}

function lockedFrames({ kernel, mm }: AdapterState, routine: string, mdl: Mdl): Uint32Array {
  mm.require(routine, mdl)
  if (describesLockedPages(mdl)) return mm.framesOf(routine, mdl)
  return violate(kernel, { rule: 'VER-007', routine, text: 'the pages are not locked', parameters: [0x0e] })
}

function joined(parts: readonly Uint32Array[], pages: number): Uint32Array {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const all = new Uint32Array(pages)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
