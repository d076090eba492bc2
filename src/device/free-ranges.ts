/** Page numbers [start, end); below 2^52, so that every 64-bit address has one. */
export interface PageRange {
  readonly start: number
  readonly end: number
}

/** Neighbouring ranges, ascending; never empty. */
interface Chunk {
  readonly ranges: PageRange[]
  /** Pages of the widest range among them. */
  widest: number
}

interface Position {
  readonly chunk: number
  readonly index: number
}

/** Small enough to be shifted and searched in a microsecond. */
const CHUNK_LENGTH = 256

/**
 * The free ranges of an address space, disjoint and never touching. They are held in chunks, so that a change moves a few
 * neighbours only: with a hundred thousand ranges it still takes microseconds.
 */
export class FreeRanges {
  readonly #chunks: Chunk[] = []
  #pages = 0

  /** Free pages in all. */
  get pages(): number {
    return this.#pages
  }

  /** Pages of the widest free range. */
  get widest(): number {
    return this.#chunks.reduce((widest, chunk) => Math.max(widest, chunk.widest), 0)
  }

  /** Makes a range free. No part of it is free already. */
  give(start: number, end: number): void {
    const joined = { start, end }
    const below = this.#endingAfter(start - 1)
    const before = this.#at(below)
    if (before?.end === start) {
      this.#remove(below)
      joined.start = before.start
    }
    const above = this.#endingAfter(end)
    const after = this.#at(above)
    if (after?.start === end) {
      this.#remove(above)
      joined.end = after.end
    }
    this.#insert(joined)
  }

  /** Takes what is free of [start, end); returns the parts, ascending. */
  take(start: number, end: number): PageRange[] {
    const parts: PageRange[] = []
    for (;;) {
      const position = this.#endingAfter(start)
      const range = this.#at(position)
      if (range === undefined || range.start >= end) return parts
      parts.push({ start: Math.max(range.start, start), end: Math.min(range.end, end) })
      this.#remove(position)
      if (range.start < start) this.#insert({ start: range.start, end: start })
      if (range.end > end) this.#insert({ start: end, end: range.end })
    }
  }

  /** The first range of at least `pages` that ends after the page `from`. */
  fit(from: number, pages: number): PageRange | undefined {
    const { chunk, index } = this.#endingAfter(from)
    const near = this.#chunks[chunk]?.ranges.slice(index).find((range) => width(range) >= pages)
    if (near !== undefined) return near
    for (let next = chunk + 1; next < this.#chunks.length; next++) {
      const candidate = this.#chunks[next]
      if (candidate !== undefined && candidate.widest >= pages) {
        return candidate.ranges.find((range) => width(range) >= pages)
      }
    }
    return undefined
  }

  #at({ chunk, index }: Position): PageRange | undefined {
    return this.#chunks[chunk]?.ranges[index]
  }

  /** Where the first range is that ends after `page`; behind the last one when there is none. */
  #endingAfter(page: number): Position {
    const chunk = firstIndex(this.#chunks.length, (at) => (this.#chunks[at]?.ranges.at(-1)?.end ?? 0) > page)
    const ranges = this.#chunks[chunk]?.ranges ?? []
    return { chunk, index: firstIndex(ranges.length, (at) => (ranges[at]?.end ?? 0) > page) }
  }

  #insert(range: PageRange): void {
    this.#pages += width(range)
    const { chunk, index } = this.#endingAfter(range.start)
    const home = this.#chunks[chunk] ?? this.#chunks.at(-1)
    if (home === undefined) {
      this.#chunks.push(chunkOf([range]))
      return
    }
    home.ranges.splice(home === this.#chunks[chunk] ? index : home.ranges.length, 0, range)
    home.widest = Math.max(home.widest, width(range))
    if (home.ranges.length > CHUNK_LENGTH) this.#halve(home)
  }

  #halve(chunk: Chunk): void {
    const half = chunk.ranges.length / 2
    const halves = [chunkOf(chunk.ranges.slice(0, half)), chunkOf(chunk.ranges.slice(half))]
    this.#chunks.splice(this.#chunks.indexOf(chunk), 1, ...halves)
  }

  #remove(position: Position): void {
    const chunk = this.#chunks[position.chunk]
    const [removed] = chunk?.ranges.splice(position.index, 1) ?? []
    if (chunk === undefined || removed === undefined) return
    this.#pages -= width(removed)
    if (chunk.ranges.length === 0) this.#chunks.splice(position.chunk, 1)
    else if (width(removed) === chunk.widest) chunk.widest = widestOf(chunk.ranges)
  }
}

const width = ({ start, end }: PageRange): number => end - start

const widestOf = (ranges: readonly PageRange[]): number =>
  ranges.reduce((widest, range) => Math.max(widest, width(range)), 0)

const chunkOf = (ranges: PageRange[]): Chunk => ({ ranges, widest: widestOf(ranges) })

/** The first of `length` indices from which on the condition holds; `length` when it never does. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
