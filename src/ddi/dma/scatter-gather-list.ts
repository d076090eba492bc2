import type { Va } from '../../base/address.ts'
import { Segments } from '../../device/segments.ts'
import type { Bytes } from '../layout/struct.ts'
import { Struct } from '../layout/struct.ts'
import { SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST } from '../layout/x64.ts'

export interface ScatterGatherElement {
  /** What the device must use: a logical address (DMA-020). */
  readonly Address: bigint
  /** Contiguous bytes. */
  readonly Length: number
}

/**
 * A SCATTER_GATHER_LIST in its x64 layout: a 16-byte header and 24 bytes an element (DMA-001, DMA-002). The bytes are of
 * the system's pool, or of a buffer of the caller's.
 */
export class ScatterGatherList {
  readonly #bytes: Bytes

  /** @param bytes 8-byte aligned */
  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  get address(): Va {
    return this.#bytes.address
  }

  get NumberOfElements(): number {
    return new Struct(SCATTER_GATHER_LIST, this.#bytes).get('NumberOfElements')
  }

  /** Element i, read from the list's bytes. @throws RangeError outside the list */
  element(index: number): ScatterGatherElement {
    if (index < 0 || index >= this.NumberOfElements)
      throw new RangeError(`element ${index} of ${this.NumberOfElements}`)
    const offset = SCATTER_GATHER_LIST.size + index * SCATTER_GATHER_ELEMENT.size
    const element = new Struct(SCATTER_GATHER_ELEMENT, this.#bytes, offset)
    return { Address: element.get('Address'), Length: element.get('Length') }
  }

  /** All elements as bus ranges, for an engine. */
  segments(): Segments {
    const count = this.NumberOfElements
    const segments = new Segments(new BigUint64Array(count), new Float64Array(count))
    const { buffer, byteOffset } = this.#bytes.data
    const start = byteOffset + SCATTER_GATHER_LIST.size
    const words = SCATTER_GATHER_ELEMENT.size / 8
    const addresses = new BigUint64Array(buffer, start, count * words)
    const lengths = new Uint32Array(buffer, start, count * words * 2)
    const at = SCATTER_GATHER_ELEMENT.fields.Length.offset / 4
    for (let i = 0; i < count; i++) {
      segments.bus[i] = addresses[i * words] ?? 0n
      segments.lengths[i] = lengths[i * words * 2 + at] ?? 0
    }
    return segments
  }
}
