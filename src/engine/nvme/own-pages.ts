import { type BusAddress, advance } from '../../base/address.ts'
import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { DmaDomain, Mapping } from '../../device/contract.ts'
import { Segments } from '../../device/segments.ts'
import { unmapWhole } from '../../device/unmap-whole.ts'
import type { FrameStore } from '../../memory/frame-store.ts'

/** A page of the engine's own: queues, lists and data that are under way. */
export interface OwnPage {
  readonly bus: BusAddress
  read(offset: number, length: number): Uint8Array
  write(offset: number, bytes: Uint8Array): void
  fill(byte: number): void
}

/** All memory that the engine needs, taken and mapped at once, so that nothing is left to fail later. */
export class OwnPages {
  readonly #frames: FrameStore
  readonly #indices: Uint32Array
  readonly #mapping: Mapping
  readonly #pages: readonly OwnPage[]
  readonly #revocable: boolean
  #taken = 0

  /** @throws ProbarError out-of-memory, or what the domain's `map` throws; nothing stays taken then */
  constructor(dma: DmaDomain, frames: FrameStore, count: number) {
    const indices = allocate(frames, count)
    this.#frames = frames
    this.#revocable = dma.capabilities.revocable
    this.#indices = indices
    try {
      this.#mapping = dma.map({ memory: frames, indices }, 'both')
    } catch (error) {
      frames.free(indices)
      throw error
    }
    const buses = [...this.#mapping.segments].flatMap(({ bus, length }) =>
      Array.from({ length: length / PAGE_SIZE }, (_, page) => advance(bus, page * PAGE_SIZE)),
    )
    this.#pages = buses.map((bus, place) => pageOf(frames, indices[place] ?? 0, bus))
  }

  /** The next pages that nobody has yet. */
  take(count: number): readonly OwnPage[] {
    const pages = this.#pages.slice(this.#taken, this.#taken + count)
    if (pages.length < count) throw new ProbarError('internal', `the engine has no ${count} pages left`)
    this.#taken += count
    return pages
  }

  takeOne(): OwnPage {
    const [page] = this.take(1)
    if (page === undefined) throw new ProbarError('internal', 'the engine has no page left')
    return page
  }

  /** @param unused the device has ceased to access them: where nothing refuses it, only such pages can be used again */
  close(unused: boolean): void {
    const free = (): void => this.#frames.free(this.#indices)
    runAll([() => unmapWhole(this.#mapping), ...(unused || this.#revocable ? [free] : [])])
  }
}

/** Adjacent ones where there are such: one mapping of one run takes least of what a domain has. */
function allocate(frames: FrameStore, count: number): Uint32Array {
  const adjacent = frames.allocate({ count, contiguous: true })
  if (adjacent.length === count) return adjacent
  const indices = frames.allocate({ count })
  if (indices.length === count) return indices
  frames.free(indices)
  throw new ProbarError('out-of-memory', `the frame store has no ${count} pages for the engine`)
}

function pageOf(frames: FrameStore, index: number, bus: BusAddress): OwnPage {
  const start = index * PAGE_SIZE
  return {
    bus,
    read: (offset, length) => frames.read(start + offset, length),
    write: (offset, bytes) => frames.write(start + offset, bytes),
    fill: (byte) => frames.write(start, new Uint8Array(PAGE_SIZE).fill(byte)),
  }
}

/** The first `length` bytes of some pages, as the device sees them. */
export function segmentsOf(pages: readonly OwnPage[], length: number): Segments {
  return Segments.of(pages.map(({ bus }) => ({ bus, length: PAGE_SIZE }))).slice(0, length)
}
