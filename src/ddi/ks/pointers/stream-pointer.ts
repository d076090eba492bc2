import { type Va, va } from '../../../base/address.ts'
import { Struct } from '../../layout/struct.ts'
import { KSSTREAM_POINTER, type KSSTREAM_HEADER } from '../../layout/x64-ks.ts'
import type { PoolBlock } from '../../kernel/pool.ts'

export type StreamHeader = Struct<typeof KSSTREAM_HEADER>

/** Stream headers of frames that are in a queue, by their addresses. */
export type StreamHeaders = Map<bigint, StreamHeader>

/** A position inside a frame, in bytes or in table entries, as the pointer's bytes tell it (KSM-002). */
export class StreamPointerOffset {
  readonly #bytes: Struct<typeof KSSTREAM_POINTER>
  readonly #side: 'OffsetIn' | 'OffsetOut'

  constructor(bytes: Struct<typeof KSSTREAM_POINTER>, side: 'OffsetIn' | 'OffsetOut') {
    this.#bytes = bytes
    this.#side = side
  }

  get Data(): Va {
    return va(this.#bytes.get(`${this.#side}.Data`))
  }

  /** Of the next entry; those behind it follow by the stride that was registered (KSM-014). */
  get Mappings(): Va {
    return va(this.#bytes.get(`${this.#side}.Mappings`))
  }

  /** All of the frame; the same for as long as the pointer is on it (KSM-030). */
  get Count(): number {
    return this.#bytes.get(`${this.#side}.Count`)
  }

  get Remaining(): number {
    return this.#bytes.get(`${this.#side}.Remaining`)
  }
}

/**
 * A KSSTREAM_POINTER in the kernel's pool: every member is read from its bytes. A driver reads them only; what moves the
 * pointer are the routines.
 */
export class KsStreamPointer {
  readonly bytes: Struct<typeof KSSTREAM_POINTER>
  readonly OffsetIn: StreamPointerOffset
  readonly OffsetOut: StreamPointerOffset
  readonly #block: PoolBlock
  readonly #headers: StreamHeaders

  constructor(block: PoolBlock, headers: StreamHeaders) {
    this.bytes = new Struct(KSSTREAM_POINTER, block)
    this.OffsetIn = new StreamPointerOffset(this.bytes, 'OffsetIn')
    this.OffsetOut = new StreamPointerOffset(this.bytes, 'OffsetOut')
    this.#block = block
    this.#headers = headers
  }

  get address(): Va {
    return this.bytes.address
  }

  /** The address of a clone's context, NULL without one (KSM-043). */
  get Context(): Va {
    return va(this.bytes.get('Context'))
  }

  /** The bytes behind the structure, which belong to the driver; none without a context (KSM-043). */
  get contextBytes(): Uint8Array {
    const { buffer, byteOffset } = this.#block.data
    return new Uint8Array(buffer, byteOffset + KSSTREAM_POINTER.size, this.#block.size - KSSTREAM_POINTER.size)
  }

  /** That of the frame; null while there is none to be touched. */
  get StreamHeader(): StreamHeader | null {
    return this.#headers.get(this.bytes.get('StreamHeader')) ?? null
  }

  /** The position that the pin's direction makes use of (KSM-036). */
  get Offset(): StreamPointerOffset {
    const inside = this.bytes.get('Offset') - this.address
    return inside === BigInt(KSSTREAM_POINTER.fields['OffsetIn.Data'].offset) ? this.OffsetIn : this.OffsetOut
  }
}
