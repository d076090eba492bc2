import type { Va } from '../../base/address.ts'
import { undoAfter } from '../../base/disposal.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { AddressSpace } from '../../memory/address-space.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { Protection } from '../../native/surface.ts'
import type { FrameLocks } from './frame-locks.ts'
import type { UnwrittenPages } from './unwritten-pages.ts'

/** What memory of a driver or a process is made of. */
export type MemoryKind = 'user' | 'nonpaged-pool' | 'paged-pool'

/** Whole pages of virtual memory over scattered frames. */
export interface VirtualBlock {
  readonly kind: MemoryKind
  /** Of the first byte; page aligned. */
  readonly address: Va
  /** The frame of each page, in order; others after the pager moved it. */
  frames: Uint32Array
}

export interface VirtualMemoryParts {
  readonly frames: FrameStore
  readonly memory: AddressSpace
  readonly locks: FrameLocks
  readonly unwritten: UnwrittenPages
}

export interface VirtualRequest {
  readonly kind: MemoryKind
  readonly pages: number
  readonly protection?: Protection
  /** The page-aligned address to take. */
  readonly at?: Va | undefined
}

/** The virtual memory of drivers and processes: which frames it lies in, and the pager that may move them. */
export class VirtualMemory {
  readonly #parts: VirtualMemoryParts
  readonly #blocks = new Map<Va, VirtualBlock>()

  constructor(parts: VirtualMemoryParts) {
    this.#parts = parts
  }

  /** Blocks in use. */
  get blocks(): number {
    return this.#blocks.size
  }

  /**
   * Memory that is mapped; what it holds is undefined. Undefined when there are not so many frames.
   * @throws ProbarError out-of-memory without address space, range-outside when `at` is not free
   */
  allocate({ kind, pages, protection = Protection.readWrite, at }: VirtualRequest): VirtualBlock | undefined {
    const { frames, memory } = this.#parts
    const indices = frames.allocate({ count: pages })
    if (indices.length < pages) {
      frames.free(indices)
      return undefined
    }
    try {
      const mode = kind === 'user' ? 'user' : 'system'
      const { address } = memory.mapFrames({ memory: frames, indices }, protection, mode, at)
      const block = { kind, address, frames: indices }
      this.#blocks.set(address, block)
      return block
    } catch (error) {
      return undoAfter(error, [() => frames.free(indices)])
    }
  }

  /** Ends the view; frames that are locked stay until they are unlocked (MDL-057). */
  free(block: VirtualBlock): void {
    this.#blocks.delete(block.address)
    this.#parts.memory.unmap(block.address)
    this.#parts.locks.free(block.frames)
  }

  /** The block that begins here. */
  at(address: Va): VirtualBlock | undefined {
    return this.#blocks.get(address)
  }

  /**
   * The pager: every page of pageable memory that nobody has locked goes to another frame, as far as there are free
   * ones. Addresses and contents stay; page numbers that somebody kept lead to frames that are freed (MDL-013).
   * @returns pages moved
   */
  trim(): number {
    let moved = 0
    for (const block of this.#blocks.values()) if (block.kind !== 'nonpaged-pool') moved += this.#move(block)
    return moved
  }

  #move(block: VirtualBlock): number {
    const movable = [...block.frames.keys()].filter((page) => this.#parts.locks.count(block.frames[page] ?? 0) === 0)
    const { frames, memory, unwritten } = this.#parts
    const fresh = frames.allocate({ count: movable.length })
    const old = Uint32Array.from(fresh, (_, i) => block.frames[movable[i] ?? 0] ?? 0)
    const indices = block.frames.slice()
    for (const [i, to] of fresh.entries()) {
      const from = old[i] ?? 0
      frames.native.copy(frames.area, to * PAGE_SIZE, frames.area, from * PAGE_SIZE, PAGE_SIZE)
      unwritten.move(from, to)
      indices[movable[i] ?? 0] = to
    }
    try {
      memory.remap(block.address, { memory: frames, indices })
    } catch (error) {
      this.#blocks.delete(block.address)
      undoAfter(error, [() => frames.free(fresh), () => this.#parts.locks.free(block.frames)])
    }
    block.frames = indices
    frames.free(old)
    return fresh.length
  }
}
