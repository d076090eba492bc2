import type { Segments } from '../../device/segments.ts'
import { DESCRIPTOR_SIZE, DescriptorFlag } from './registers.ts'

export interface Descriptor {
  readonly bus: bigint
  /** Bytes. */
  readonly length: number
  /** From the device to memory; in a stream the channel says. */
  readonly toMemory?: boolean
  /** Its end interrupts. */
  readonly notify?: boolean
  /** Bytes from the start of the device's memory; none in a stream. */
  readonly deviceAddress?: number
}

/** Descriptors as they lie in the ring, their status pending. */
export function encodeDescriptors(list: readonly Descriptor[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(list.length * DESCRIPTOR_SIZE))
  for (const [index, { bus, length, toMemory = false, notify = false, deviceAddress = 0 }] of list.entries()) {
    const at = index * DESCRIPTOR_SIZE
    view.setBigUint64(at, bus, true)
    view.setUint32(at + 8, length, true)
    view.setUint32(at + 12, (toMemory ? DescriptorFlag.toMemory : 0) | (notify ? DescriptorFlag.notify : 0), true)
    view.setBigUint64(at + 16, BigInt(deviceAddress), true)
  }
  return new Uint8Array(view.buffer)
}

export interface CommandLimits {
  /** Bytes. */
  readonly maxTransfer: number
  readonly listLength: number
}

/** Parts of a list that one command each can take, in order, with nothing lost and none empty. */
export function commandsOf(segments: Segments, { maxTransfer, listLength }: CommandLimits): readonly Segments[] {
  const commands: Segments[] = []
  const { size } = segments
  for (let done = 0; done < size;) {
    const most = segments.slice(done, Math.min(maxTransfer, size - done))
    const part = most.count <= listLength ? most : most.slice(0, sumOf(most.lengths.subarray(0, listLength)))
    commands.push(part)
    done += part.size
  }
  return commands
}

const sumOf = (lengths: Float64Array): number => lengths.reduce((sum, length) => sum + length, 0)

/**
 * A cyclic buffer as the ring has it: its segments, cut where the device is to notify. More descriptors than a ring has are
 * the caller's to refuse.
 * @param notifyAt ascending byte offsets, above 0 and at most the buffer's size
 */
export function streamDescriptors(segments: Segments, notifyAt: readonly number[]): readonly Descriptor[] {
  const descriptors: Descriptor[] = []
  let at = 0
  for (const { bus, length } of segments) {
    const cuts = notifyAt.filter((offset) => offset > at && offset < at + length)
    for (const [from, to] of pairs([at, ...cuts, at + length])) {
      descriptors.push({ bus: bus + BigInt(from - at), length: to - from, notify: notifyAt.includes(to) })
    }
    at += length
  }
  return descriptors
}

const pairs = (list: readonly number[]): readonly (readonly [number, number])[] =>
  list.slice(1).map((to, index) => [list[index] ?? 0, to] as const)
