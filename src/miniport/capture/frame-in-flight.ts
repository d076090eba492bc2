import type { KsStreamPointer } from '../../ddi/ks/pointers/stream-pointer.ts'
import type { Kernel } from '../../ddi/kernel/kernel.ts'
import { Segments } from '../../device/segments.ts'
import { MappingEntries } from './mapping-entries.ts'

/** Bytes of a clone's context: a ULONG, the channel that fills its frame (KSM-043). */
export const CLONE_CONTEXT_SIZE = 4

/** Entries that the device gets in one command, and the bytes that it is to put there. */
export interface Piece {
  /** The first of the entries. */
  readonly first: number
  /** The last entry may be filled in part. */
  readonly target: Segments
  readonly bytes: Uint8Array
}

/** A frame that the device is filling. Its clone keeps it, whatever the leading edge does (KSM-042, KSM-044). */
export class FrameInFlight {
  readonly clone: KsStreamPointer
  readonly channel: number
  readonly entries: MappingEntries
  /** What the device delivers, cut off where the frame ends. */
  readonly bytes: Uint8Array
  /** The client took the frame away: its memory is none of the device's any more (KSM-046). */
  cancelled = false
  /** The clone is no more. */
  deleted = false
  /** The device did not come to rest: the frame stays with it, and the channel is of no use. */
  stuck = false
  /** Settled when the device has come to rest, once it was told to. */
  aborting: Promise<void> | undefined
  /** Settled when the frame is complete or cancelled, or cannot be. */
  ended: Promise<void> = Promise.resolve()

  /** @param clone on a frame that was locked, so that there is a table (KSM-026) */
  constructor(kernel: Kernel, clone: KsStreamPointer, channel: number, captured: Uint8Array) {
    const { Mappings, Count } = clone.OffsetOut
    contextOf(clone).setUint32(0, channel, true)
    this.clone = clone
    this.channel = channel
    this.entries = new MappingEntries(kernel, Mappings, Count)
    this.bytes = captured.subarray(0, this.entries.segments.size)
  }

  /** One command after the other; entries behind the last byte get none. @param listLength entries of one command */
  *pieces(listLength: number): Iterable<Piece> {
    const { segments } = this.entries
    let done = 0
    for (let first = 0; done < this.bytes.length; first += listLength) {
      const list = new Segments(
        segments.bus.slice(first, first + listLength),
        segments.lengths.slice(first, first + listLength),
      )
      const bytes = this.bytes.subarray(done, done + list.size)
      yield { first, target: list.slice(0, bytes.length), bytes }
      done += bytes.length
    }
  }

  /** Writes down in the entries' contexts and in the stream header what the device has put there (KSM-037). */
  landed({ first, target }: Piece): void {
    for (const [at, { length }] of [...target].entries()) this.entries.landed(first + at, length)
    this.clone.StreamHeader?.set('DataUsed', this.entries.total)
  }
}

/** The channel of a clone's frame, from its context. */
export const channelOf = (clone: KsStreamPointer): number => contextOf(clone).getUint32(0, true)

function contextOf({ contextBytes: { buffer, byteOffset, byteLength } }: KsStreamPointer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
