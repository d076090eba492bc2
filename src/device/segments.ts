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
    if (length <= 0) return Segments.of([])
    const end = offset + length
    const [first, before] = this.#holding(offset)
    let [last, start] = [first, before]
    while (last < this.count && start < end) start += this.lengths[last++] ?? 0
    const part = new Segments(this.bus.slice(first, last), this.lengths.slice(first, last))
    part.#cut(offset - before, Math.max(0, start - end))
    return part
  }

  /** The segment that holds the byte `offset`, or the count, and how many bytes lie before it. */
  #holding(offset: number): readonly [index: number, before: number] {
    let [index, before] = [0, 0]
    for (; index < this.count; index++) {
      const next = before + (this.lengths[index] ?? 0)
      if (next > offset) break
      before = next
    }
    return [index, before]
  }

  /** Takes bytes from the front of the first segment and from the end of the last. */
  #cut(front: number, back: number): void {
    const last = this.count - 1
    if (last < 0) return
    this.bus[0] = (this.bus[0] ?? 0n) + BigInt(front)
    this.lengths[0] = (this.lengths[0] ?? 0) - front
    this.lengths[last] = (this.lengths[last] ?? 0) - back
  }
}
