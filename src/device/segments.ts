import { type BusAddress, busAddress } from '../base/address.ts'

export interface Segment {
  readonly bus: BusAddress
  /** Bytes. */
  readonly length: number
}

/**
 * A list of bus ranges, in order. Held in typed arrays: a gigabyte of scattered frames is a quarter million segments,
 * and none of them becomes an object unless somebody asks for it.
 */
export class Segments implements Iterable<Segment> {
  readonly bus: BigUint64Array
  readonly lengths: Float64Array

  constructor(bus: BigUint64Array, lengths: Float64Array) {
    this.bus = bus
    this.lengths = lengths
  }

  static of(list: readonly Segment[]): Segments {
    return new Segments(
      BigUint64Array.from(list, (segment) => segment.bus),
      Float64Array.from(list, (segment) => segment.length),
    )
  }

  get count(): number {
    return this.bus.length
  }

  /** Sum of the lengths in bytes. */
  get size(): number {
    return this.lengths.reduce((sum, length) => sum + length, 0)
  }

  at(index: number): Segment {
    const bus = this.bus[index]
    const length = this.lengths[index]
    if (bus === undefined || length === undefined) throw new RangeError(`segment ${index} of ${this.count}`)
    return { bus: busAddress(bus), length }
  }

  *[Symbol.iterator](): Iterator<Segment> {
    for (let index = 0; index < this.count; index++) yield this.at(index)
  }

  /** The part [offset, offset + length) of the bytes that the list describes, as a list of its own. */
  slice(offset: number, length: number): Segments {
    const part: Segment[] = []
    let start = 0
    for (const segment of this) {
      const from = Math.max(offset, start)
      const to = Math.min(offset + length, start + segment.length)
      if (from < to) part.push({ bus: busAddress(segment.bus + BigInt(from - start)), length: to - from })
      start += segment.length
    }
    return Segments.of(part)
  }
}
