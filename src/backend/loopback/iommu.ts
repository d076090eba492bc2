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
  /** Ends the entry that starts there; returns its bytes, 0 when there is none. */
  unmap(bus: BusAddress): number
  /** @param page bus page number */
  translate(page: number, direction: Direction): Translation
}

/** A page table in which an entry, once unmapped, is gone for the device at the same moment. */
export class SimulatedIommu implements Iommu {
  readonly maxEntries: number
  readonly #entries = new Map<BusAddress, Entry>()
  readonly #pages = new Map<number, Entry>()

  /** @param maxEntries the limit that Linux sets by default for type 1 */
  constructor(maxEntries = 65_535) {
    this.maxEntries = maxEntries
  }

  get entries(): number {
    return this.#entries.size
  }

  map(entry: Entry): void {
    if (this.#entries.size >= this.maxEntries) {
      throw new ProbarError(
        'dma-entries-exhausted',
        `${this.maxEntries} entries are mapped, no more can be: unmap some`,
      )
    }
    const pages = pagesOf(entry)
    const taken = pages.find((page) => this.#pages.has(page))
    if (taken !== undefined) {
      throw new ProbarError('dma-overlap', `bus page ${hex(taken * PAGE_SIZE)} is mapped already: unmap it first`)
    }
    for (const page of pages) this.#pages.set(page, entry)
    this.#entries.set(entry.bus, entry)
  }

  unmap(bus: BusAddress): number {
    const entry = this.#entries.get(bus)
    if (entry === undefined) return 0
    for (const page of pagesOf(entry)) this.#pages.delete(page)
    this.#entries.delete(bus)
    return entry.length
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

function pagesOf(entry: Entry): number[] {
  const first = pageOf(entry.bus)
  return Array.from({ length: entry.length / PAGE_SIZE }, (_, index) => first + index)
}
