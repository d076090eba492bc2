import { type BusAddress, busAddress } from '../base/address.ts'
import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../base/pages.ts'
import type { Aperture, Placement } from './contract.ts'
import { FreeRanges, type PageRange } from './free-ranges.ts'

/** Bus addresses taken for the runs of one mapping. */
export interface Allocation {
  /** The bus address of each run, in the order of the lengths. */
  readonly starts: BigUint64Array
}

/**
 * Scattered runs of one mapping lie within a window of this many pages or more, so that an IOMMU needs few page tables
 * for them: a quarter million single pages all over 39 bits would cost a gigabyte of tables.
 */
const WINDOW_PAGES = 2 ** 18

const LAST_ADDRESS = 2n ** 64n - 1n

/**
 * Chooses bus addresses; pure bookkeeping, no platform is asked. At least one free page lies on each side of what was
 * chosen, so that a device is caught that runs past either end; page 0 is such a page at best, because an address
 * register that was never written would hit it.
 *
 * Places named by the caller (`at`) are checked against the apertures only: whether they overlap is the platform's to say.
 * They are remembered, so that nothing is put there later.
 */
export class BusAllocator {
  /** Clipped to the address width, ascending. */
  readonly apertures: readonly Aperture[]
  readonly #random: () => number
  readonly #free = new FreeRanges()
  readonly #spans: readonly PageRange[]
  /** Page ranges as start, end, start, end, …: a list of a quarter million runs is no quarter million objects. */
  readonly #taken = new Map<Allocation, Float64Array>()

  /**
   * @param apertures ascending and inclusive, as the platform gives them
   * @param addressBits bits of the addresses that the device can emit
   * @param random unsigned 32-bit numbers; the same numbers give the same places
   * @param keepFree ranges that are never chosen; a place named by the caller may lie there
   */
  constructor(
    apertures: readonly Aperture[],
    addressBits: number,
    random: () => number,
    keepFree: readonly Aperture[] = [],
  ) {
    this.apertures = clipApertures(apertures, addressBits)
    this.#random = random
    this.#spans = this.apertures.map(wholePages).filter(({ start, end }) => start < end)
    for (const { start, end } of this.#spans) this.#free.give(start, end)
    for (const { start, end } of keepFree.map(wholePages)) this.#free.take(start, end)
  }

  /**
   * @param lengths bytes of each run, multiples of the page size
   * @throws ProbarError dma-outside-aperture when it does not fit, dma-misaligned, dma-range-overflow; nothing is taken then
   */
  place(lengths: ArrayLike<number>, placement: Placement): Allocation {
    const pages = Array.from(lengths, pagesOf)
    if (placement.kind === 'at') return this.#claim(pages, placement.bus, sumOf(pages))
    const limit = pageLimit(placement.addressBits)
    if (placement.kind === 'scatter') return this.#scatter(pages, limit)
    const total = sumOf(pages)
    const start = this.#choose(total, this.#draw(), limit)
    this.#free.take(start, start + total)
    return this.#record(startsFrom(BigInt(start) << 12n, pages), Float64Array.of(start, start + total))
  }

  /** @throws ProbarError internal when it was freed before */
  free(allocation: Allocation): void {
    const ranges = this.#taken.get(allocation)
    if (ranges === undefined) throw new ProbarError('internal', 'these bus addresses were given back before')
    this.#taken.delete(allocation)
    this.#give(ranges, ranges.length)
  }

  /** @param length of the part of `ranges` that is meant */
  #give(ranges: Float64Array, length: number): void {
    for (let at = 0; at < length; at += 2) this.#free.give(ranges[at] ?? 0, ranges[at + 1] ?? 0)
  }

  #scatter(pages: readonly number[], limit: number): Allocation {
    const window = Math.max(WINDOW_PAGES, 8 * pages.reduce((sum, count) => sum + count, 0))
    const base = this.#draw()
    const starts = new BigUint64Array(pages.length)
    const taken = new Float64Array(2 * pages.length)
    let done = 0
    try {
      for (; done < pages.length; done++) {
        const count = pages[done] ?? 0
        const start = this.#choose(count, base + (this.#draw() % window), limit)
        this.#free.take(start, start + count)
        starts[done] = BigInt(start) << 12n
        taken.set([start, start + count], 2 * done)
      }
    } catch (error) {
      this.#give(taken, 2 * done)
      throw error
    }
    return this.#record(starts, taken)
  }

  #claim(pages: readonly number[], bus: BusAddress, total: number): Allocation {
    if (bus % BigInt(PAGE_SIZE) !== 0n) {
      throw new ProbarError('dma-misaligned', `${hex(bus)} is no multiple of the page size ${hex(PAGE_SIZE)}`)
    }
    const last = bus + (BigInt(total) << 12n) - 1n
    if (last > LAST_ADDRESS) {
      throw new ProbarError(
        'dma-range-overflow',
        `${total} pages from ${hex(bus)} on run over the end of the 64-bit address space`,
      )
    }
    if (!this.apertures.some((aperture) => aperture.first <= bus && last <= aperture.last)) {
      const valid = this.apertures.map((aperture) => `${hex(aperture.first)}-${hex(aperture.last)}`).join(', ')
      throw new ProbarError('dma-outside-aperture', `${hex(bus)}-${hex(last)} is in none of the apertures ${valid}`)
    }
    const start = Number(bus >> 12n)
    const parts = this.#free.take(start, start + total)
    return this.#record(startsFrom(bus, pages), Float64Array.from(parts.flatMap(({ start: from, end }) => [from, end])))
  }

  #record(starts: BigUint64Array, taken: Float64Array): Allocation {
    const allocation = { starts }
    this.#taken.set(allocation, taken)
    return allocation
  }

  /** A start for `count` pages below `limit`, near the page that `index` counts to; else the lowest that there is. */
  #choose(count: number, index: number, limit: number): number {
    const wanted = this.#pageAt(index) % limit
    for (const from of [wanted, 0]) {
      const gap = this.#free.fit(from, count + 2)
      if (gap === undefined) continue
      const start = Math.min(Math.max(from, gap.start + 1), gap.end - 1 - count)
      if (start + count <= limit) return start
    }
    throw this.#full(count)
  }

  /** 52 random bits are enough for any page number. */
  #draw(): number {
    return this.#random() * 2 ** 20 + (this.#random() >>> 12)
  }

  #pageAt(index: number): number {
    const total = this.#spans.reduce((sum, { start, end }) => sum + end - start, 0)
    let rest = total === 0 ? 0 : index % total
    for (const { start, end } of this.#spans) {
      if (rest < end - start) return start + rest
      rest -= end - start
    }
    return 0
  }

  #full(count: number): ProbarError {
    const { pages, widest } = this.#free
    return new ProbarError(
      'dma-outside-aperture',
      `no place for ${count} pages with a free page on each side: ${pages} pages are free, at most ${widest} in one piece; ` +
        'unmap something, or use a device with wider addresses',
    )
  }
}

/** The parts of the apertures that a device with so many address bits can reach. */
export function clipApertures(apertures: readonly Aperture[], addressBits: number): readonly Aperture[] {
  const highest = (1n << BigInt(addressBits)) - 1n
  return apertures
    .filter(({ first }) => first <= highest)
    .map(({ first, last }) => ({ first, last: last < highest ? last : busAddress(highest) }))
}

function wholePages({ first, last }: Aperture): PageRange {
  return { start: Number((first + BigInt(PAGE_SIZE - 1)) >> 12n), end: Number((last + 1n) >> 12n) }
}

const sumOf = (pages: readonly number[]): number => pages.reduce((sum, count) => sum + count, 0)

/** The first page that so many address bits do not reach. */
function pageLimit(addressBits: number | undefined): number {
  return addressBits === undefined ? Number.POSITIVE_INFINITY : 2 ** (addressBits - PAGE_SHIFT)
}

function pagesOf(bytes: number): number {
  const pages = bytes / PAGE_SIZE
  if (!Number.isSafeInteger(pages) || pages <= 0) {
    throw new ProbarError('dma-misaligned', `${bytes} bytes are no whole number of pages of 2^${PAGE_SHIFT} bytes`)
  }
  return pages
}

function startsFrom(bus: bigint, pages: readonly number[]): BigUint64Array {
  let next = bus
  return BigUint64Array.from(pages, (count) => {
    const start = next
    next += BigInt(count) << 12n
    return start
  })
}
