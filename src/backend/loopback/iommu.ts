import type { BusAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/pages.ts'
import type { DmaAccess, Fault, HostMemory } from '../../device/contract.ts'

/** Memory that is contiguous both on the bus and in the home view: one entry of the IOMMU. */
export interface Entry {
  readonly bus: BusAddress
  readonly memory: HostMemory
  /** Bytes from the start of the home view, a multiple of the page size. */
  readonly offset: number
  /** Bytes, a multiple of the page size. */
  readonly length: number
  readonly access: DmaAccess
}

/** What an access to a page comes to: the place of the page in memory, or the reason for its refusal. */
export type Translation =
  | { readonly reached: true; readonly memory: HostMemory; readonly offset: number }
  | { readonly reached: false; readonly reason: string }

export type Direction = Fault['direction']

/** Between the device and memory. */
export interface Iommu {
  /** Entries that exist. */
  readonly entries: number
  readonly maxEntries: number
  /** @throws ProbarError dma-overlap, dma-entries-exhausted; nothing is mapped then */
  map(entry: Entry): void
  /**
   * Ends the entries that lie in the range, as type 1 version 2 does; returns their bytes, 0 when there is none.
   * @throws ProbarError dma-would-split when the range begins or ends inside an entry; nothing is unmapped then
   */
  unmap(bus: BusAddress, length: number): number
  /** @param page bus page number */
  translate(page: number, direction: Direction): Translation
}

/** A page table in which an entry, once unmapped, is gone for the device at the same moment. */
export class SimulatedIommu implements Iommu {
  readonly maxEntries: number
  #entries = 0
  readonly #pages = new Map<number, Entry>()

  /** @param maxEntries the limit that Linux sets by default for type 1 */
  constructor(maxEntries = 65_535) {
    this.maxEntries = maxEntries
  }

  get entries(): number {
    return this.#entries
  }

  map(entry: Entry): void {
    if (this.#entries >= this.maxEntries) {
      throw new ProbarError(
        'dma-entries-exhausted',
        `${this.maxEntries} entries are mapped, no more can be: unmap some`,
      )
    }
    const { first, end } = pagesOf(entry.bus, entry.length)
    for (let page = first; page < end; page++) {
      if (!this.#pages.has(page)) continue
      throw new ProbarError('dma-overlap', `bus page ${hex(page * PAGE_SIZE)} is mapped already: unmap it first`)
    }
    for (let page = first; page < end; page++) this.#pages.set(page, entry)
    this.#entries++
  }

  unmap(bus: BusAddress, length: number): number {
    const { first, end } = pagesOf(bus, length)
    for (const edge of [first, end]) {
      const entry = this.#pages.get(edge)
      if (entry === undefined || entry !== this.#pages.get(edge - 1)) continue
      throw new ProbarError('dma-would-split', `an entry lies across ${hex(edge * PAGE_SIZE)}: unmap all of it`)
    }
    let bytes = 0
    for (let page = first; page < end; page++) {
      const entry = this.#pages.get(page)
      if (entry === undefined) continue
      this.#pages.delete(page)
      bytes += PAGE_SIZE
      if (entry !== this.#pages.get(page + 1)) this.#entries--
    }
    return bytes
  }

  translate(page: number, direction: Direction): Translation {
    const entry = this.#pages.get(page)
    if (entry === undefined) return { reached: false, reason: 'nothing is mapped there' }
    if (entry.access !== 'both' && entry.access !== direction) {
      return { reached: false, reason: `the mapping allows no ${direction}` }
    }
    return placeIn(entry, page)
  }
}

export function pageOf(bus: bigint): number {
  return Number(bus >> BigInt(PAGE_SHIFT))
}

/** Where a page that lies in the entry is found in memory. */
export function placeIn(entry: Entry, page: number): Translation {
  const offset = entry.offset + (page - pageOf(entry.bus)) * PAGE_SIZE
  return { reached: true, memory: entry.memory, offset }
}

function pagesOf(bus: BusAddress, length: number): { readonly first: number; readonly end: number } {
  const first = pageOf(bus)
  return { first, end: first + length / PAGE_SIZE }
}
