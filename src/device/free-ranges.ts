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
    const position = this.#endingAfter(start - 1)
    const before = this.#at(position)
    if (before?.end !== start) return this.#giveFrom(start, end)
    this.#replace(position, [])
    this.#giveFrom(before.start, end)
  }

  /** As `give`, where nothing free ends at the start. */
  #giveFrom(start: number, end: number): void {
    const position = this.#endingAfter(start)
    const after = this.#at(position)
    if (after?.start === end) this.#replace(position, [{ start, end: after.end }])
    else this.#insert(position, { start, end })
  }

  /** Takes what is free of [start, end); returns the parts, ascending. */
  take(start: number, end: number): PageRange[] {
    const parts: PageRange[] = []
    for (;;) {
      const position = this.#endingAfter(start)
      const range = this.#at(position)
      if (range === undefined || range.start >= end) return parts
      parts.push({ start: Math.max(range.start, start), end: Math.min(range.end, end) })
      const rest: PageRange[] = []
      if (range.start < start) rest.push({ start: range.start, end: start })
      if (range.end > end) rest.push({ start: end, end: range.end })
      this.#replace(position, rest)
    }
  }

  /** The first range of at least `pages` that ends after the page `from`. */
  fit(from: number, pages: number): PageRange | undefined {
    const { chunk, index } = this.#endingAfter(from)
    const near = firstFitting(this.#chunks[chunk], index, pages)
    if (near !== undefined) return near
    for (let next = chunk + 1; next < this.#chunks.length; next++) {
      const found = firstFitting(this.#chunks[next], 0, pages)
      if (found !== undefined) return found
    }
    return undefined
  }

  #at({ chunk, index }: Position): PageRange | undefined {
    return this.#chunks[chunk]?.ranges[index]
  }

  /** Where the first range is that ends after `page`; behind the last one when there is none. */
  #endingAfter(page: number): Position {
    let [low, high] = [0, this.#chunks.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const ranges = this.#chunks[middle]?.ranges ?? []
      if ((ranges[ranges.length - 1]?.end ?? 0) > page) high = middle
      else low = middle + 1
    }
    const ranges = this.#chunks[low]?.ranges
    return { chunk: low, index: ranges === undefined ? 0 : firstEndingAfter(ranges, page) }
  }

  /** @param position of the range that will follow it */
  #insert({ chunk, index }: Position, range: PageRange): void {
    this.#pages += width(range)
    const home = this.#chunks[chunk] ?? this.#chunks.at(-1)
    if (home === undefined) {
      this.#chunks.push(chunkOf([range]))
      return
    }
    home.ranges.splice(home === this.#chunks[chunk] ? index : home.ranges.length, 0, range)
    home.widest = Math.max(home.widest, width(range))
    if (home.ranges.length > CHUNK_LENGTH) this.#halve(home)
  }

  /** Puts up to two ranges where there was one. */
  #replace({ chunk, index }: Position, by: readonly PageRange[]): void {
    const home = this.#chunks[chunk]
    const [removed] = home?.ranges.splice(index, 1, ...by) ?? []
    if (home === undefined || removed === undefined) return
    const widest = widestOf(by)
    this.#pages += by.reduce((sum, range) => sum + width(range), 0) - width(removed)
    if (home.ranges.length === 0) this.#chunks.splice(chunk, 1)
    else if (widest >= home.widest) home.widest = widest
    else if (width(removed) === home.widest) home.widest = widestOf(home.ranges)
    if (home.ranges.length > CHUNK_LENGTH) this.#halve(home)
  }

  #halve(chunk: Chunk): void {
    const half = chunk.ranges.length / 2
    const halves = [chunkOf(chunk.ranges.slice(0, half)), chunkOf(chunk.ranges.slice(half))]
    this.#chunks.splice(this.#chunks.indexOf(chunk), 1, ...halves)
  }
}

const width = ({ start, end }: PageRange): number => end - start

const widestOf = (ranges: readonly PageRange[]): number =>
  ranges.reduce((widest, range) => Math.max(widest, width(range)), 0)

const chunkOf = (ranges: PageRange[]): Chunk => ({ ranges, widest: widestOf(ranges) })

/** The first range of at least `pages` from the index on. */
function firstFitting(chunk: Chunk | undefined, index: number, pages: number): PageRange | undefined {
  if (chunk === undefined || chunk.widest < pages) return undefined
  for (let at = index; at < chunk.ranges.length; at++) {
    const range = chunk.ranges[at]
    if (range !== undefined && width(range) >= pages) return range
  }
  return undefined
}

/** The index of the first range that ends after `page`, or how many there are. */
function firstEndingAfter(ranges: readonly PageRange[], page: number): number {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[middle]?.end ?? 0) > page) high = middle
    else low = middle + 1
  }
  return low
}
