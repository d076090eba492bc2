import { type BusAddress, busAddress } from '../base/address.ts'
import { runAll, undoAfter } from '../base/disposal.ts'
import { ProbarError } from '../base/errors.ts'
import { PAGE_SIZE } from '../base/pages.ts'
import type { Allocation, BusAllocator } from '../device/aperture.ts'
import type {
  DmaAccess,
  DmaCapabilities,
  DmaDomain,
  Frames,
  HostMemory,
  Mapping,
  Placement,
} from '../device/contract.ts'
import { Segments } from '../device/segments.ts'

/** The platform's page tables: one contiguous run of the home view at one bus address a call. */
export interface Translation {
  /** @param offset bytes from the start of the home view @throws ProbarError dma-overlap, dma-entries-exhausted, … */
  map(bus: BusAddress, memory: HostMemory, offset: number, length: number, access: DmaAccess): void
  /** Returns the bytes that the platform says it unmapped. */
  unmap(bus: BusAddress, length: number): number
}

/** A domain in which the caller chooses bus addresses: Probar picks them, the platform judges them. */
export class IovaDomain implements DmaDomain {
  readonly capabilities: DmaCapabilities
  readonly #translation: Translation
  readonly #allocator: BusAllocator
  readonly #mappings = new Set<IovaMapping>()
  #closed = false

  constructor(capabilities: DmaCapabilities, translation: Translation, allocator: BusAllocator) {
    this.capabilities = capabilities
    this.#translation = translation
    this.#allocator = allocator
  }

  get entries(): number {
    let entries = 0
    for (const mapping of this.#mappings) entries += mapping.runs.count
    return entries
  }

  map(frames: Frames, access: DmaAccess, placement: Placement = { kind: 'scatter' }): Mapping {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
    if (frames.indices.length === 0) throw new ProbarError('dma-empty', 'a mapping has at least one frame')
    const runs = runsOf(frames)
    const allocation = this.#allocator.place(runs.lengths, placement)
    try {
      this.#mapRuns(frames.memory, runs, allocation.starts, access)
    } catch (error) {
      this.#allocator.free(allocation)
      throw error
    }
    const placed = new Segments(allocation.starts, runs.lengths)
    const mapping = new IovaMapping(placed, access, () => this.#unmap(mapping, allocation))
    this.#mappings.add(mapping)
    return mapping
  }

  /** Unmaps whatever is left. */
  close(): void {
    this.#closed = true
    runAll([...this.#mappings].map((mapping) => () => mapping[Symbol.dispose]()))
  }

  /** Maps every run, or none. */
  #mapRuns(memory: HostMemory, runs: Runs, starts: BigUint64Array, access: DmaAccess): void {
    let done = 0
    try {
      for (; done < starts.length; done++) {
        const offset = runs.offsets[done] ?? 0
        this.#translation.map(busAddress(starts[done] ?? 0n), memory, offset, runs.lengths[done] ?? 0, access)
      }
    } catch (error) {
      const taken = Array.from({ length: done }, (_, run) => done - 1 - run)
      const takeBack = (run: number): void =>
        void this.#translation.unmap(busAddress(starts[run] ?? 0n), runs.lengths[run] ?? 0)
      undoAfter(
        error,
        taken.map((run) => () => takeBack(run)),
      )
    }
  }

  #unmap(mapping: IovaMapping, allocation: Allocation): number {
    let bytes = 0
    runAll(
      [...mapping.runs].map(
        ({ bus, length }) =>
          () =>
            void (bytes += this.#translation.unmap(bus, length)),
      ),
    )
    this.#mappings.delete(mapping)
    this.#allocator.free(allocation)
    return bytes
  }
}

class IovaMapping implements Mapping {
  /** Entries of the platform's page tables, one a run. */
  readonly runs: Segments
  readonly segments: Segments
  readonly access: DmaAccess
  readonly size: number
  readonly #unmap: () => number
  #mapped = true

  constructor(runs: Segments, access: DmaAccess, unmap: () => number) {
    this.runs = runs
    this.segments = joined(runs)
    this.access = access
    this.size = runs.size
    this.#unmap = unmap
  }

  unmap(): number {
    if (!this.#mapped) throw new ProbarError('dma-unmapped', 'this mapping was unmapped before')
    this.#mapped = false
    return this.#unmap()
  }

  [Symbol.dispose](): void {
    if (this.#mapped) this.unmap()
  }
}

/** Adjacent frames as one run each: byte offset in the home view and length. */
interface Runs {
  readonly offsets: Float64Array
  readonly lengths: Float64Array
}

function runsOf({ memory, indices }: Frames): Runs {
  const last = memory.size / PAGE_SIZE
  const offsets: number[] = []
  const lengths: number[] = []
  for (let i = 0; i < indices.length; i++) {
    const frame = indices[i] ?? 0
    if (frame >= last) throw new ProbarError('range-outside', `frame ${frame} is not in the memory of ${last} frames`)
    if (i > 0 && frame === (indices[i - 1] ?? 0) + 1) lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + PAGE_SIZE
    else {
      offsets.push(frame * PAGE_SIZE)
      lengths.push(PAGE_SIZE)
    }
  }
  return { offsets: Float64Array.from(offsets), lengths: Float64Array.from(lengths) }
}

/** Runs that follow one another on the bus are one segment: the device sees one range. */
function joined(runs: Segments): Segments {
  const bus: bigint[] = []
  const lengths: number[] = []
  for (const run of runs) {
    const last = bus.length - 1
    if (last >= 0 && (bus[last] ?? 0n) + BigInt(lengths[last] ?? 0) === run.bus)
      lengths[last] = (lengths[last] ?? 0) + run.length
    else {
      bus.push(run.bus)
      lengths.push(run.length)
    }
  }
  return new Segments(BigUint64Array.from(bus), Float64Array.from(lengths))
}
