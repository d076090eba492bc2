import { type Va, physicalAddress, va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { RangeAllocator } from '../../memory/range-allocator.ts'
import type { Layout } from '../layout/layout.ts'
import { type Bytes, Struct } from '../layout/struct.ts'

export interface PoolBlock extends Bytes {
  /** Bytes asked for. */
  readonly size: number
}

/** Windows' pool hands out blocks of this granularity on x64; it also keeps every structure 8-byte aligned. */
const GRANULE = 16

/** The pool leaves the frames below 4 GiB to windows that need them, where there are others. */
const ABOVE_4_GIB = physicalAddress(0x1_0000_0000n)

/**
 * Nonpaged pool for the structures that a driver can see. It is one contiguous run of frames, so that a block's
 * bytes lie in the home view and native code can be handed a pointer to them.
 */
export class Pool {
  readonly #frames: FrameStore
  readonly #indices: Uint32Array
  readonly #buffer: ArrayBuffer
  readonly #ranges: RangeAllocator
  #blocks = 0
  #closed = false

  constructor(frames: FrameStore, pages: number) {
    this.#frames = frames
    const run = { count: pages, contiguous: true }
    const above = frames.allocate({ ...run, low: ABOVE_4_GIB })
    this.#indices = above.length > 0 ? above : frames.allocate(run)
    const first = this.#indices[0]
    if (first === undefined)
      throw new ProbarError('out-of-memory', `the frame store has no ${pages} adjacent frames for the pool`)
    this.#buffer = frames.native.bytes(frames.area)
    this.#ranges = new RangeAllocator(first * PAGE_SIZE, (first + pages) * PAGE_SIZE)
  }

  /** Blocks in use. */
  get blocks(): number {
    return this.#blocks
  }

  /** A zeroed block, or undefined when the pool is exhausted. @throws ProbarError closed */
  allocate(size: number): PoolBlock | undefined {
    if (this.#closed) throw new ProbarError('closed', 'the pool is closed: this Windows has ended')
    const start = this.#ranges.allocate(Math.ceil(size / GRANULE) * GRANULE, GRANULE)
    if (start === undefined) return undefined
    this.#blocks++
    const data = new DataView(this.#buffer, start, size)
    new Uint8Array(this.#buffer, start, size).fill(0)
    return { address: va(this.#frames.address + BigInt(start)), size, data }
  }

  /** The frame at an address inside the pool; undefined outside. */
  frameAt(address: Va): number | undefined {
    const frame = Math.floor(Number(address - this.#frames.address) / PAGE_SIZE)
    const first = this.#indices[0] ?? 0
    return frame >= first && frame < first + this.#indices.length ? frame : undefined
  }

  /** True for where a block begins that is in use. */
  holds(address: Va): boolean {
    return this.#ranges.holds(Number(address - this.#frames.address))
  }

  /** A zeroed structure of its own. @throws ProbarError out-of-memory */
  allocateStruct<L extends Layout>(layout: L): Struct<L> {
    const block = this.allocate(layout.size)
    if (block === undefined) throw new ProbarError('out-of-memory', `the pool has no room for a ${layout.name}`)
    return new Struct(layout, block)
  }

  free(address: Va): void {
    this.#ranges.free(Number(address - this.#frames.address))
    this.#blocks--
  }

  close(): void {
    this.#closed = true
    this.#frames.free(this.#indices)
  }
}
