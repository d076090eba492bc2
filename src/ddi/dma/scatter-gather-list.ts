import type { Va } from '../../base/address.ts'
import { Segments } from '../../device/segments.ts'
import { SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST } from '../layout/x64.ts'
import { Struct } from '../layout/struct.ts'
import type { Pool, PoolBlock } from '../kernel/pool.ts'

export interface ScatterGatherElement {
  /** What the device must use: a logical address (DMA-020). */
  readonly Address: bigint
  /** Contiguous bytes. */
  readonly Length: number
}

/** A SCATTER_GATHER_LIST in its x64 layout: a 16-byte header and 24 bytes an element (DMA-001, DMA-002). */
export class ScatterGatherList {
  readonly #header: Struct<typeof SCATTER_GATHER_LIST>
  readonly #block: PoolBlock

  constructor(block: PoolBlock) {
    this.#block = block
    this.#header = new Struct(SCATTER_GATHER_LIST, block)
  }

  get address(): Va {
    return this.#header.address
  }

  get NumberOfElements(): number {
    return this.#header.get('NumberOfElements')
  }

  /** Element i, read from the list's bytes. @throws RangeError outside the list */
  element(index: number): ScatterGatherElement {
    if (index < 0 || index >= this.NumberOfElements)
      throw new RangeError(`element ${index} of ${this.NumberOfElements}`)
    const offset = SCATTER_GATHER_LIST.size + index * SCATTER_GATHER_ELEMENT.size
    const element = new Struct(SCATTER_GATHER_ELEMENT, this.#block, offset)
    return { Address: element.get('Address'), Length: element.get('Length') }
  }

  /** All elements as bus ranges, for an engine. */
  segments(): Segments {
    const { bus, lengths, stride } = this.#columns()
    const count = this.NumberOfElements
    const segments = new Segments(new BigUint64Array(count), new Float64Array(count))
    for (let i = 0; i < count; i++) {
      segments.bus[i] = bus[i * stride] ?? 0n
      segments.lengths[i] = lengths[i * stride * 2] ?? 0
    }
    return segments
  }

  /** Writes the elements. @returns undefined when the pool has no room */
  static create(pool: Pool, segments: Segments): ScatterGatherList | undefined {
    const block = pool.allocate(SCATTER_GATHER_LIST.size + segments.count * SCATTER_GATHER_ELEMENT.size)
    if (block === undefined) return undefined
    const list = new ScatterGatherList(block)
    list.#header.set('NumberOfElements', segments.count)
    const { bus, lengths, stride } = list.#columns()
    for (let i = 0; i < segments.count; i++) {
      bus[i * stride] = segments.bus[i] ?? 0n
      lengths[i * stride * 2] = segments.lengths[i] ?? 0
    }
    return list
  }

  /** The Address and Length members as typed arrays over the elements; `stride` counts 8-byte words. */
  #columns(): { bus: BigUint64Array; lengths: Uint32Array; stride: number } {
    const { buffer, byteOffset, byteLength } = this.#block.data
    const start = byteOffset + SCATTER_GATHER_LIST.size
    const words = (byteLength - SCATTER_GATHER_LIST.size) / 8
    const { Address, Length } = SCATTER_GATHER_ELEMENT.fields
    return {
      bus: new BigUint64Array(buffer, start + Address.offset, words),
      lengths: new Uint32Array(buffer, start + Length.offset, words === 0 ? 0 : words * 2 - Length.offset / 4),
      stride: SCATTER_GATHER_ELEMENT.size / 8,
    }
  }
}
