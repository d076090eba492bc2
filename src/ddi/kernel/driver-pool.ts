import { type Va, advance, distance } from '../../base/address.ts'
import { PAGE_SIZE, pagesIn } from '../../base/pages.ts'
import type { AddressSpace } from '../../memory/address-space.ts'
import { FREED_BYTE } from '../../memory/frame-store.ts'
import { RangeAllocator } from '../../memory/range-allocator.ts'
import type { UnwrittenPages } from './unwritten-pages.ts'
import type { VirtualBlock, VirtualMemory } from './virtual-memory.ts'

export type PoolType = 'nonpaged-pool' | 'paged-pool'

/** A driver's buffer. */
export interface DriverBlock {
  readonly address: Va
  /** Bytes asked for. */
  readonly size: number
  readonly type: PoolType
  readonly tag: number
  readonly memory: VirtualBlock
  /** What shares the page, where the block has not whole pages of its own. */
  readonly page: RangeAllocator | undefined
}

export interface DriverPoolRequest {
  readonly size: number
  readonly type: PoolType
  readonly tag: number
  readonly zeroed: boolean
}

export interface DriverPoolParts {
  readonly virtual: VirtualMemory
  readonly memory: AddressSpace
  readonly unwritten: UnwrittenPages
}

/** On x64 blocks lie 16 bytes apart at least, and a header of as many stands in front of one that shares its page. */
const GRANULE = 16

/**
 * Pool for drivers' buffers: virtually contiguous over scattered frames. A block of a page or more has pages of its own
 * and begins at one; a smaller one lies within a page at an offset, and what else is in that page is not the driver's
 * (MDL-089).
 */
export class DriverPool {
  readonly #parts: DriverPoolParts
  readonly #blocks = new Map<Va, DriverBlock>()
  readonly #pages = new Map<VirtualBlock, RangeAllocator>()
  readonly #freed = new Set<Va>()

  constructor(parts: DriverPoolParts) {
    this.#parts = parts
  }

  /** Blocks in use. */
  get blocks(): readonly DriverBlock[] {
    return [...this.#blocks.values()]
  }

  /** Undefined when there are not so many frames. @throws as VirtualMemory.allocate */
  allocate(request: DriverPoolRequest): DriverBlock | undefined {
    const block = request.size + GRANULE > PAGE_SIZE ? this.#wholePages(request) : this.#partOfPage(request)
    if (block === undefined) return undefined
    this.#blocks.set(block.address, block)
    this.#freed.delete(block.address)
    return block
  }

  free(block: DriverBlock): void {
    const { address, memory, page, size } = block
    this.#blocks.delete(address)
    this.#freed.add(address)
    if (page === undefined) return this.#parts.virtual.free(memory)
    this.#parts.memory.fill(address, size, FREED_BYTE)
    page.free(distance(memory.address, address) - GRANULE)
    if (!page.empty) return
    this.#pages.delete(memory)
    this.#parts.virtual.free(memory)
  }

  /** The block that begins here. */
  at(address: Va): DriverBlock | undefined {
    return this.#blocks.get(address)
  }

  /** True for where a block began that was freed. */
  wasFreed(address: Va): boolean {
    return this.#freed.has(address)
  }

  /** The block that holds an address. */
  holding(address: Va): DriverBlock | undefined {
    return this.blocks.find((block) => address >= block.address && address < block.address + BigInt(block.size))
  }

  /** Gives everything back. */
  close(): void {
    for (const block of this.blocks) this.free(block)
  }

  #wholePages({ size, type, tag, zeroed }: DriverPoolRequest): DriverBlock | undefined {
    const memory = this.#parts.virtual.allocate({ kind: type, pages: pagesIn(size) })
    if (memory === undefined) return undefined
    if (zeroed) this.#parts.unwritten.zero(memory.frames)
    else this.#parts.unwritten.handOut(memory.frames)
    return { address: memory.address, size, type, tag, memory, page: undefined }
  }

  #partOfPage({ size, type, tag, zeroed }: DriverPoolRequest): DriverBlock | undefined {
    const needed = GRANULE + Math.ceil(size / GRANULE) * GRANULE
    const found = this.#roomIn(type, needed)
    if (found === undefined) return undefined
    const address = advance(found.memory.address, found.start + GRANULE)
    if (zeroed) this.#parts.memory.fill(address, size, 0)
    return { address, size, type, tag, memory: found.memory, page: found.page }
  }

  #roomIn(type: PoolType, bytes: number): Room | undefined {
    for (const [memory, page] of this.#pages) {
      const start = memory.kind === type ? page.allocate(bytes) : undefined
      if (start !== undefined) return { memory, page, start }
    }
    const memory = this.#parts.virtual.allocate({ kind: type, pages: 1 })
    if (memory === undefined) return undefined
    const page = new RangeAllocator(0, PAGE_SIZE)
    this.#pages.set(memory, page)
    this.#parts.memory.fill(memory.address, PAGE_SIZE, FREED_BYTE)
    return { memory, page, start: page.allocate(bytes) ?? 0 }
  }
}

interface Room {
  readonly memory: VirtualBlock
  readonly page: RangeAllocator
  /** Of the header, in bytes from the page's start. */
  readonly start: number
}
