import { type BusAddress, busAddress } from '../base/address.ts'
import { runAll, runEach, undoAfter } from '../base/disposal.ts'
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
import { shortUnmap } from '../device/unmap-whole.ts'

/** The platform's page tables. */
export interface Translation {
  /**
   * One contiguous run of the home view at one bus address, as one entry.
   * @param offset bytes from the start of the home view
   * @throws ProbarError dma-overlap, dma-entries-exhausted, out-of-memory, …
   */
  map(bus: BusAddress, memory: HostMemory, offset: number, length: number, access: DmaAccess): void
  /**
   * Ends every entry of the range, which begins and ends where entries do, by one call to the platform.
   * @returns the bytes that the platform says it unmapped
   */
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
    for (const mapping of this.#mappings) entries += mapping.entries
    return entries
  }

  map(frames: Frames, access: DmaAccess, placement: Placement = { kind: 'scatter' }): Mapping {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
    if (frames.indices.length === 0) throw new ProbarError('dma-empty', 'a mapping has at least one frame')
    const runs = runsOf(frames)
    const allocation = this.#allocator.place(runs.lengths, placement)
    this.#mapRuns(frames.memory, runs, allocation, access)
    const segments = joined(allocation.starts, runs.lengths, runs.lengths.length)
    const unmap = (): number => this.#unmap(mapping, allocation)
    const mapping = new IovaMapping({ segments, entries: runs.lengths.length, access, unmap })
    this.#mappings.add(mapping)
    return mapping
  }

  /** Unmaps whatever is left. */
  close(): void {
    this.#closed = true
    runAll([...this.#mappings].map((mapping) => () => mapping[Symbol.dispose]()))
  }

  /** Maps every run, or none. Places that could not be taken back are not given to anybody else. */
  #mapRuns(memory: HostMemory, runs: Runs, allocation: Allocation, access: DmaAccess): void {
    const { starts } = allocation
    let done = 0
    try {
      for (; done < starts.length; done++) {
        const offset = runs.offsets[done] ?? 0
        this.#translation.map(busAddress(starts[done] ?? 0n), memory, offset, runs.lengths[done] ?? 0, access)
      }
    } catch (error) {
      const taken = joined(starts, runs.lengths, done)
      const takeBack = (): void => {
        const bytes = this.#end(taken)
        if (bytes !== taken.size) throw shortUnmap(bytes, taken.size)
        this.#allocator.free(allocation)
      }
      undoAfter(error, [takeBack])
    }
  }

  #unmap(mapping: IovaMapping, allocation: Allocation): number {
    const bytes = this.#end(mapping.segments)
    this.#mappings.delete(mapping)
    if (bytes === mapping.size) this.#allocator.free(allocation)
    return bytes
  }

  /** Ends the translation of every segment, also when that of another cannot be ended; returns the bytes. */
  #end({ bus, lengths, count }: Segments): number {
    let bytes = 0
    runEach(count, (at) => void (bytes += this.#translation.unmap(busAddress(bus[at] ?? 0n), lengths[at] ?? 0)))
    return bytes
  }
}

interface MappingParts {
  readonly segments: Segments
  /** Entries of the platform's page tables. */
  readonly entries: number
  readonly access: DmaAccess
  readonly unmap: () => number
}

class IovaMapping implements Mapping {
  readonly entries: number
  readonly segments: Segments
  readonly access: DmaAccess
  readonly size: number
  readonly #unmap: () => number
  #mapped = true

  constructor({ segments, entries, access, unmap }: MappingParts) {
    this.entries = entries
    this.segments = segments
    this.access = access
    this.size = segments.size
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
  const offsets = new Float64Array(indices.length)
  const lengths = new Float64Array(indices.length)
  let count = 0
  let next = -1
  for (const frame of indices) {
    if (frame >= last) throw new ProbarError('range-outside', `frame ${frame} is not in the memory of ${last} frames`)
    if (frame !== next) offsets[count++] = frame * PAGE_SIZE
    lengths[count - 1] = (lengths[count - 1] ?? 0) + PAGE_SIZE
    next = frame + 1
  }
  return { offsets: offsets.slice(0, count), lengths: lengths.slice(0, count) }
}

/** Runs that follow one another on the bus are one segment: the device sees one range. @param of the first so many */
function joined(starts: BigUint64Array, runs: Float64Array, of: number): Segments {
  const bus = new BigUint64Array(of)
  const lengths = new Float64Array(of)
  let count = 0
  let next = -1n
  for (let run = 0; run < of; run++) {
    const start = starts[run] ?? 0n
    const length = runs[run] ?? 0
    if (start !== next) bus[count++] = start
    lengths[count - 1] = (lengths[count - 1] ?? 0) + length
    next = start + BigInt(length)
  }
  return new Segments(bus.slice(0, count), lengths.slice(0, count))
}
