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
  const entries = split(pieces, maxBytes)
  const block = pool.allocate(Math.max(1, entries.length) * stride)
  if (block === undefined) return undefined
  const table = new KsMappingTable(block, entries.length, stride)
  entries.forEach((piece, index) => {
    const entry = table.entry(index)
    entry.set('PhysicalAddress', piece.bus)
    entry.set('ByteCount', piece.length)
  })
  return { table, address: va(block.address) }
}

function split(pieces: Segments, maxBytes: number): readonly Segment[] {
  const entries: Segment[] = []
  for (const { bus, length } of pieces) {
    for (let done = 0; done < length; done += maxBytes) {
      entries.push({ bus: busAddress(bus + BigInt(done)), length: Math.min(maxBytes, length - done) })
    }
  }
  return entries
}
