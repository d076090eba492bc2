import type { RegionView } from '../device/contract.ts'
import type { MemoryView } from './memory-view.ts'

/** System space is above user space, as on Windows; the boundary is MmUserProbeAddress. */
export type SpaceMode = 'system' | 'user'

/** Something that lives at an address: frames or a part of a BAR. */
export type Placed =
  | {
      readonly kind: 'memory'
      readonly mode: SpaceMode
      readonly start: number
      readonly size: number
      /** The frame of each page, in order. */
      readonly frames: Uint32Array
      readonly view: MemoryView
    }
  | {
      readonly kind: 'registers'
      readonly mode: SpaceMode
      readonly start: number
      readonly size: number
      readonly view: RegionView
    }

/** What lies where in an address space, found by any address inside. A view may have parts that follow one another. */
export class Placements {
  readonly #placed = new Map<number, Placed>()
  /** The keys of the map, ascending. */
  readonly #starts: number[] = []
  /** Those of parts that follow another one in their view. */
  readonly #inner = new Set<number>()

  /** Views; all parts of one are one. */
  get views(): number {
    return this.#placed.size - this.#inner.size
  }

  /** Where views begin. */
  starts(): readonly number[] {
    return this.#starts.filter((start) => !this.#inner.has(start))
  }

  /** @param inner it follows another part of its view */
  add(placed: Placed, inner = false): void {
    this.#placed.set(placed.start, placed)
    this.#starts.splice(this.#below(placed.start), 0, placed.start)
    if (inner) this.#inner.add(placed.start)
  }

  /** Forgets the view that begins at this address; returns its parts in order, none when no view begins there. */
  remove(first: number): readonly Placed[] {
    const parts: Placed[] = []
    let next = this.#inner.has(first) ? undefined : this.#placed.get(first)
    while (next !== undefined) {
      parts.push(next)
      this.#placed.delete(next.start)
      this.#inner.delete(next.start)
      const end = next.start + next.size
      next = this.#inner.has(end) ? this.#placed.get(end) : undefined
    }
    if (parts.length > 0) this.#starts.splice(this.#below(first), parts.length)
    return parts
  }

  /** What lies at the address. */
  at(address: number): Placed | undefined {
    const start = this.#starts[this.#below(address + 1) - 1]
    const placed = start === undefined ? undefined : this.#placed.get(start)
    return placed !== undefined && address < placed.start + placed.size ? placed : undefined
  }

  /** How many start below the address. */
  #below(address: number): number {
    let [low, high] = [0, this.#starts.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) < address) low = middle + 1
      else high = middle
    }
    return low
  }
}
