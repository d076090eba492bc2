import { ProbarError } from '../base/errors.ts'
import { checkBus, checkBytes, checkCount, checkLengths } from './check.ts'
import type { ListSurface } from './surface.ts'

/** wdm.h on x64: Address at 0, Length at 8, Reserved at 16. */
const ELEMENT = { size: 24, length: 8, reserved: 16 } as const

/** No element lies across its end, either. */
const ADDRESS_SPACE = 1n << 64n

/** `writeElements` in JavaScript, for machines without the addon. */
export const writeElements: ListSurface['writeElements'] = (
  target,
  bus,
  lengths,
  offset,
  length,
  longest,
  boundary,
) => {
  const list = new ElementList(checkBytes(target, 'target'), checkLongest(longest), checkBoundary(boundary))
  let skipped = checkCount(offset, 'offset')
  let wanted = checkCount(length, 'length')
  if (checkBus(bus, 'bus').length !== checkLengths(lengths, 'lengths').length) {
    throw new ProbarError('range-outside', 'bus and lengths must have as many elements')
  }
  for (let index = 0; index < bus.length && wanted > 0; index++) {
    const bytes = checkCount(lengths[index], 'the length of a segment')
    const from = Math.min(skipped, bytes)
    const taken = Math.min(bytes - from, wanted)
    if (taken > 0) list.add((bus[index] ?? 0n) + BigInt(from), taken)
    skipped -= from
    wanted -= taken
  }
  if (wanted > 0) throw new ProbarError('range-outside', 'the segments end before the part does')
  return list.finish()
}

/** Takes pieces in order, joins those that follow one another, and cuts the runs into elements. */
class ElementList {
  readonly #target: DataView
  readonly #room: number
  readonly #longest: number
  readonly #boundary: bigint
  #count = 0
  #start = 0n
  #length = 0

  constructor(target: Uint8Array, longest: number, boundary: number) {
    this.#target = new DataView(target.buffer, target.byteOffset, target.byteLength)
    this.#room = Math.floor(target.byteLength / ELEMENT.size)
    this.#longest = longest
    this.#boundary = BigInt(boundary)
  }

  add(start: bigint, length: number): void {
    if (this.#length > 0 && start === this.#start + BigInt(this.#length)) this.#length += length
    else {
      this.#cut()
      this.#start = start
      this.#length = length
    }
  }

  /** The number of elements, whether there was room for them or not. */
  finish(): number {
    this.#cut()
    return this.#count
  }

  #cut(): void {
    while (this.#length > 0) {
      const length = Math.min(this.#length, this.#longest, this.#toBoundary())
      if (this.#count < this.#room) this.#write(this.#count * ELEMENT.size, this.#start, length)
      this.#count++
      this.#start = BigInt.asUintN(64, this.#start + BigInt(length))
      this.#length -= length
    }
  }

  #toBoundary(): number {
    const boundary = this.#boundary === 0n ? ADDRESS_SPACE : this.#boundary
    return Number(boundary - (this.#start % boundary))
  }

  #write(at: number, address: bigint, length: number): void {
    this.#target.setBigUint64(at, address, true)
    this.#target.setBigUint64(at + ELEMENT.length, BigInt(length), true)
    this.#target.setBigUint64(at + ELEMENT.reserved, 0n, true)
  }
}

function checkLongest(longest: number): number {
  if (checkCount(longest, 'longest', 0xffff_ffff) > 0) return longest
  throw new ProbarError('range-outside', 'longest must be at least 1')
}

function checkBoundary(boundary: number): number {
  const value = BigInt(checkCount(boundary, 'boundary'))
  if ((value & (value - 1n)) === 0n) return boundary
  throw new ProbarError('range-outside', 'boundary must be 0 or a power of two')
}
