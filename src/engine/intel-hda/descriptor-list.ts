import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import type { Segments } from '../../device/segments.ts'
import { ALIGNMENT } from './registers.ts'

/** One entry of a buffer descriptor list (HDA 1.0a, section 3.6.3). */
export interface Descriptor {
  readonly bus: bigint
  /** Bytes. */
  readonly length: number
  /** Interrupt on completion. */
  readonly notify: boolean
}

/** Entries of one list: SDnLVI has 8 bits, and is at least 1. */
export const MAX_DESCRIPTORS = 256
export const DESCRIPTOR_BYTES = 16
const MIN_DESCRIPTORS = 2
/** Bytes: two pieces, as short as can be. */
export const SMALLEST_BUFFER = MIN_DESCRIPTORS * ALIGNMENT
const NOTIFY = 1

/**
 * The buffer as a list: its segments, cut where the device is to interrupt. One range by itself is cut in two, because a
 * list has at least two entries.
 * @param notifyAt ascending byte offsets, each above 0 and at most the size
 * @throws ProbarError range-outside for what no list can say
 */
export function describeBuffer(segments: Segments, notifyAt: readonly number[], addressBits: number): Descriptor[] {
  checkSegments(segments, addressBits)
  const { size } = segments
  checkNotifications(notifyAt, size)
  const cuts = segments.count === 1 && notifyAt.every((at) => at === size) ? [halfOf(size), ...notifyAt] : notifyAt
  const list = [...cutSegments(segments, cuts, new Set(notifyAt))]
  if (list.length > MAX_DESCRIPTORS) {
    throw outside(`the buffer takes ${list.length} descriptors, a list has ${MAX_DESCRIPTORS}; use fewer pieces`)
  }
  return list
}

/** As the controller reads it. */
export function encodeDescriptors(list: readonly Descriptor[]): Uint8Array {
  const bytes = new Uint8Array(list.length * DESCRIPTOR_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, { bus, length, notify }] of list.entries()) {
    view.setBigUint64(index * DESCRIPTOR_BYTES, bus, true)
    view.setUint32(index * DESCRIPTOR_BYTES + 8, length, true)
    view.setUint32(index * DESCRIPTOR_BYTES + 12, notify ? NOTIFY : 0, true)
  }
  return bytes
}

function* cutSegments(segments: Segments, cuts: readonly number[], notify: ReadonlySet<number>): Iterable<Descriptor> {
  let [start, next] = [0, 0]
  for (const { bus, length } of segments) {
    const end = start + length
    for (let at = start; at < end;) {
      while (next < cuts.length && (cuts[next] ?? 0) <= at) next++
      const to = Math.min(end, cuts[next] ?? end)
      yield { bus: bus + BigInt(at - start), length: to - at, notify: notify.has(to) }
      at = to
    }
    start = end
  }
}

function halfOf(size: number): number {
  if (size < SMALLEST_BUFFER) {
    throw outside(`a buffer has ${SMALLEST_BUFFER} bytes at least, not ${size}`)
  }
  return Math.floor(size / 2 / ALIGNMENT) * ALIGNMENT
}

function checkSegments(segments: Segments, addressBits: number): void {
  const limit = 1n << BigInt(addressBits)
  if (segments.count === 0) throw outside('the buffer is empty')
  for (const { bus, length } of segments) {
    if (Number(bus % BigInt(ALIGNMENT)) !== 0 || length <= 0 || length % ALIGNMENT !== 0) {
      const text = `${length} bytes at ${hex(bus)} are a piece of the buffer`
      throw outside(`${text}, but address and length must be multiples of ${ALIGNMENT}`)
    }
    if (bus + BigInt(length) > limit) {
      throw outside(`${length} bytes at ${hex(bus)} are beyond the ${addressBits} address bits of the controller`)
    }
  }
  if (segments.size >= 2 ** 32) throw outside(`the buffer has ${segments.size} bytes, and must be below 4 GiB`)
}

function checkNotifications(notifyAt: readonly number[], size: number): void {
  for (const [index, at] of notifyAt.entries()) {
    if (at <= (notifyAt[index - 1] ?? 0) || at > size || at % ALIGNMENT !== 0) {
      const wanted = `must ascend, be multiples of ${ALIGNMENT}, above 0 and at most ${size}`
      throw outside(`notifyAt [${notifyAt.join(', ')}] ${wanted}`)
    }
  }
}

const outside = (text: string): ProbarError => new ProbarError('range-outside', text)
