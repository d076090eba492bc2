import { type Va, busAddress, va } from '../../base/address.ts'
import { type Segment, Segments } from '../../device/segments.ts'
import { KSMAPPING } from '../layout/x64-ks.ts'
import { Struct } from '../layout/struct.ts'
import type { Pool, PoolBlock } from '../kernel/pool.ts'

/** A KSMAPPING table in memory: entry i lies at `Mappings + i * stride` (KSM-014). */
export class KsMappingTable {
  /** Bytes between entries. */
  readonly stride: number
  /** Entries. */
  readonly Count: number
  readonly #block: PoolBlock

  constructor(block: PoolBlock, count: number, stride: number) {
    this.#block = block
    this.Count = count
    this.stride = stride
  }

  /** The address of the first entry. */
  get Mappings(): Va {
    return this.#block.address
  }

  /** The entry at a byte offset from Mappings, wherever that is: what a driver gets by pointer arithmetic. */
  entryAt(offset: number): Struct<typeof KSMAPPING> {
    return new Struct(KSMAPPING, this.#block, offset)
  }

  /** Entry `index`, found by the stride as a driver does. */
  entry(index: number): Struct<typeof KSMAPPING> {
    if (index < 0 || index >= this.Count) throw new RangeError(`mapping ${index} of ${this.Count}`)
    return this.entryAt(index * this.stride)
  }

  /** The minidriver's own bytes behind entry `index` (KSM-013); empty when the stride is 16. */
  context(index: number): Uint8Array {
    const { buffer, byteOffset } = this.#block.data
    return new Uint8Array(buffer, byteOffset + index * this.stride + KSMAPPING.size, this.stride - KSMAPPING.size)
  }

  /** All entries as bus ranges, for an engine that takes one descriptor an entry. */
  segments(): Segments {
    return Segments.of(
      Array.from({ length: this.Count }, (_, index): Segment => {
        const entry = this.entry(index)
        return { bus: busAddress(entry.get('PhysicalAddress')), length: entry.get('ByteCount') }
      }),
    )
  }
}

/**
 * Writes one entry for each contiguous piece, none longer than `maxBytes` (KSM-021, KSM-023).
 * @returns undefined when the pool has no room
 */
export function writeMappingTable(
  pool: Pool,
  pieces: Segments,
  maxBytes: number,
  stride: number,
): { readonly table: KsMappingTable; readonly address: Va } | undefined {
  let count = 0
  for (const length of pieces.lengths) count += Math.ceil(length / maxBytes)
  const block = pool.allocate(Math.max(1, count) * stride)
  if (block === undefined) return undefined
  fill(block, pieces, maxBytes, stride)
  return { table: new KsMappingTable(block, count, stride), address: va(block.address) }
}

/** Entry after entry, straight into memory: of one byte each there may be as many as the frame has bytes. */
function fill({ data }: PoolBlock, pieces: Segments, maxBytes: number, stride: number): void {
  const { PhysicalAddress, ByteCount } = KSMAPPING.fields
  let at = 0
  for (let piece = 0; piece < pieces.count; piece++) {
    const bus = pieces.bus[piece] ?? 0n
    const length = pieces.lengths[piece] ?? 0
    for (let done = 0; done < length; done += maxBytes, at += stride) {
      data.setBigUint64(at + PhysicalAddress.offset, bus + BigInt(done), true)
      data.setUint32(at + ByteCount.offset, Math.min(maxBytes, length - done), true)
    }
  }
}
