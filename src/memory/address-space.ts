import { type Va, va } from '../base/address.ts'
import { Disposal } from '../base/disposal.ts'
import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import { PAGE_SIZE, pagesIn } from '../base/pages.ts'
import type { Frames, HostMemory, Region, RegionView } from '../device/contract.ts'
import type { MemorySurface, Protection } from '../native/surface.ts'
import { MemoryView } from './memory-view.ts'
import { type Placed, Placements, type SpaceMode } from './placements.ts'
import { RangeAllocator } from './range-allocator.ts'

/** Adjacent pages of one BAR. */
export interface RegionPart {
  readonly region: Region
  /** Bytes from the BAR's start, a multiple of the page size. */
  readonly offset: number
  readonly pages: number
}

export interface AddressSpaceOptions {
  readonly native: MemorySurface
  /** Bytes of each of the two ranges. */
  readonly rangeSize: number
}

/**
 * Two reserved ranges of this process's address space and what is mapped in them, each view between two guard pages.
 * An address resolves to the view that it lies in, or to nothing: a stale pointer is an error, never stale data.
 */
export class AddressSpace implements AsyncDisposable {
  /** The first address that is not user space. */
  readonly userProbeAddress: Va
  readonly #native: MemorySurface
  readonly #reserved: number
  readonly #ranges: Record<SpaceMode, RangeAllocator>
  readonly #placed = new Placements()
  readonly #undo = new Disposal()
  #closed = false

  constructor({ native, rangeSize }: AddressSpaceOptions) {
    this.#native = native
    const reserved = native.reserve(rangeSize * 2)
    this.#reserved = reserved
    this.#undo.defer(() => native.release(reserved))
    const start = native.address(reserved)
    const middle = start + rangeSize
    this.userProbeAddress = va(middle)
    this.#ranges = { user: new RangeAllocator(start, middle), system: new RangeAllocator(middle, middle + rangeSize) }
  }

  /** Views that are alive. */
  get views(): number {
    return this.#placed.views
  }

  /**
   * One contiguous view of the frames, in order.
   * @param at the page-aligned address to take, or undefined for any
   * @throws ProbarError closed; out-of-memory when the range has no room; range-outside when `at` is not free
   */
  mapFrames(frames: Frames, protection: Protection, mode: SpaceMode, at?: Va): MemoryView {
    const size = frames.indices.length * PAGE_SIZE
    const start = this.#take(size, mode, at)
    return this.#orFree(start, mode, () => {
      const view = this.#view(start, frames, protection)
      this.#placed.add({ kind: 'memory', mode, start, size, frames: frames.indices, view })
      return view
    })
  }

  /**
   * Other frames, as many, behind the view that begins at this address; address and protection stay.
   * @throws ProbarError access-violation when none does. What mapping failed with; then the view is gone
   */
  remap(address: Va, frames: Frames): void {
    const start = Number(address)
    const placed = this.#placed.at(start)
    if (placed?.kind !== 'memory' || placed.start !== start || placed.size !== frames.indices.length * PAGE_SIZE) {
      throw notMapped(address)
    }
    this.#close(start)
    this.#orFree(start, placed.mode, () => {
      const view = this.#view(start, frames, placed.view.protection)
      if (placed.view.hidden) view.hide()
      this.#placed.add({ ...placed, frames: frames.indices, view })
    })
  }

  /**
   * Takes the first pages out of the view that begins at this address; it begins behind them then.
   * @param memory that the frames are in
   * @throws as remap; the view is gone then
   */
  cutFront(address: Va, pages: number, memory: HostMemory): void {
    const start = Number(address)
    const placed = this.#placed.at(start)
    if (placed?.kind !== 'memory' || placed.start !== start || placed.frames.length <= pages) throw notMapped(address)
    const { mode, frames, view } = placed
    this.unmap(address)
    const next = va(start + pages * PAGE_SIZE)
    this.mapFrames({ memory, indices: frames.subarray(pages) }, view.protection, mode, next)
  }

  /** A view of the pages of a BAR that hold [offset, offset + length). @throws as mapFrames, and as Region.map */
  mapRegion(region: Region, offset: number, length: number, mode: SpaceMode): RegionView {
    const first = Math.floor(offset / PAGE_SIZE) * PAGE_SIZE
    const size = pagesIn(offset + length - first) * PAGE_SIZE
    const start = this.#take(size, mode)
    return this.#orFree(start, mode, () => {
      const view = region.map(first, size, va(start))
      this.#placed.add({ kind: 'registers', mode, start, size, view })
      return view
    })
  }

  /**
   * One contiguous view of pages of BARs, in order; returns its address. An access lies in one of the parts.
   * @throws as mapFrames, and as Region.map; nothing is mapped then
   */
  mapRegions(parts: readonly RegionPart[], mode: SpaceMode, at?: Va): Va {
    const size = parts.reduce((sum, { pages }) => sum + pages, 0) * PAGE_SIZE
    const start = this.#take(size, mode, at)
    return this.#orFree(start, mode, () => {
      try {
        let next = start
        for (const part of parts) next += this.#mapPart(part, mode, next, next > start)
      } catch (error) {
        this.#close(start)
        throw error
      }
      return va(start)
    })
  }

  /** Ends the view that begins at this address. @throws ProbarError access-violation when none does */
  unmap(address: Va): void {
    const start = Number(address)
    const [first] = this.#close(start)
    if (first === undefined) throw notMapped(address)
    this.#ranges[first.mode].free(start - PAGE_SIZE)
  }

  /** What lies at the address, and how far into it. */
  find(address: Va): { readonly placed: Placed; readonly offset: number } | undefined {
    const placed = this.#placed.at(Number(address))
    return placed === undefined ? undefined : { placed, offset: Number(address) - placed.start }
  }

  /** @throws ProbarError access-violation when the range is not inside one view of memory */
  memoryAt(address: Va): { readonly view: MemoryView; readonly offset: number } {
    const found = this.find(address)
    if (found === undefined) throw notMapped(address)
    if (found.placed.kind !== 'memory') {
      throw new ProbarError(
        'access-violation',
        `${hex(address)} is a register: use READ_REGISTER_x and WRITE_REGISTER_x`,
      )
    }
    return { view: found.placed.view, offset: found.offset }
  }

  read(address: Va, length: number): Uint8Array {
    const { view, offset } = this.memoryAt(address)
    return view.read(offset, length)
  }

  write(address: Va, bytes: Uint8Array): void {
    const { view, offset } = this.memoryAt(address)
    view.write(offset, bytes)
  }

  fill(address: Va, length: number, byte: number): void {
    const { view, offset } = this.memoryAt(address)
    view.fill(offset, length, byte)
  }

  /**
   * One load at the address itself, whatever this bookkeeping says of it: shows that a view is really gone.
   * @throws ProbarError access-violation when nothing is mapped there
   */
  touch(address: Va): void {
    this.#native.load8(this.#reserved, Number(address) - this.#native.address(this.#reserved))
  }

  /** Index of the first byte that differs, or -1. */
  compare(address: Va, expected: Uint8Array): number {
    const { view, offset } = this.memoryAt(address)
    return view.compare(offset, expected)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const start of this.#placed.starts()) this.unmap(va(start))
    await this.#undo[Symbol.asyncDispose]()
  }

  /** Maps one part; returns its bytes. */
  #mapPart({ region, offset, pages }: RegionPart, mode: SpaceMode, start: number, inner: boolean): number {
    const size = pages * PAGE_SIZE
    this.#placed.add({ kind: 'registers', mode, start, size, view: region.map(offset, size, va(start)) }, inner)
    return size
  }

  #close(start: number): readonly Placed[] {
    const parts = this.#placed.remove(start)
    for (const { view } of parts) view.close()
    return parts
  }

  /** Room for `size` bytes with a guard page on each side; the result is the first byte after the lower guard. */
  #take(size: number, mode: SpaceMode, at?: Va): number {
    if (this.#closed) throw new ProbarError('closed', 'the address space is closed')
    if (size <= 0) throw new ProbarError('range-outside', 'a view has at least one page')
    const range = this.#ranges[mode]
    const guarded = size + 2 * PAGE_SIZE
    if (at === undefined) {
      const start = range.allocate(guarded, PAGE_SIZE)
      if (start === undefined) throw new ProbarError('out-of-memory', `${mode} space has no room for ${size} bytes`)
      return start + PAGE_SIZE
    }
    const wanted = Number(at)
    if (!range.claim(wanted - PAGE_SIZE, guarded)) {
      throw new ProbarError('range-outside', `${hex(at)} is not free for ${size} bytes in ${mode} space`)
    }
    return wanted
  }

  #view(start: number, { memory, indices }: Frames, protection: Protection): MemoryView {
    const area = this.#native.mapFrames(start, memory.area, indices, protection)
    return new MemoryView(this.#native, area, { address: va(start), size: indices.length * PAGE_SIZE, protection })
  }

  #orFree<T>(start: number, mode: SpaceMode, act: () => T): T {
    try {
      return act()
    } catch (error) {
      this.#ranges[mode].free(start - PAGE_SIZE)
      throw error
    }
  }
}

function notMapped(address: Va): ProbarError {
  return new ProbarError('access-violation', `nothing is mapped at ${hex(address)}`)
}
