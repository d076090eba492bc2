import type { Mdl } from '../../mm/mdl.ts'
import type { PoolBlock } from '../../kernel/pool.ts'
import type { KsMappingTable } from '../mappings.ts'
import type { KsPin } from '../pin.ts'
import type { KsStreamPointer, StreamHeader } from '../pointers/stream-pointer.ts'
import type { CompletionRoutine, StreamIrp } from '../stream-irp.ts'
import type { Ordered } from './ordered.ts'

/** PFNKSSTREAMPOINTER: told at DISPATCH_LEVEL that the frame of an unlocked clone goes away (KSM-046). */
export type CancelCallback = (StreamPointer: KsStreamPointer) => void

/** A frame that is neither complete nor cancelled. */
export interface Frame {
  readonly irp: PendingIrp
  /** Frames of a pin are numbered as they come, from 0. */
  readonly number: number
  readonly header: StreamHeader
  readonly mdl: Mdl | null
  /** Bytes that there are, as the client said. */
  readonly extent: number
  /** Bytes that positions are about: the valid ones of a write, all of a read (KSM-023). */
  readonly length: number
  /** Since its first lock (KSM-026). */
  table: KsMappingTable | undefined
  /** Those that are on it, in the order in which they came there. */
  readonly clones: Set<Cursor>
}

/** An IRP that is under way, and what its completion takes. */
export interface PendingIrp {
  readonly irp: StreamIrp
  /** Of its headers. */
  readonly block: PoolBlock
  /** Those that are neither complete nor cancelled. */
  readonly frames: Set<Frame>
  /** Locked pointers on its frames (KSM-041). */
  locks: number
  readonly headers: readonly StreamHeader[]
  /** Of its frames, those that have memory. */
  readonly mdls: readonly Mdl[]
  /** MDLs that were chained, each with what its Next was before. */
  readonly chained: readonly { readonly mdl: Mdl; readonly next: bigint }[]
  readonly completed: CompletionRoutine
  /** By KsStreamPointerSetStatusCode. */
  status: number
}

/** What Probar knows of a stream pointer beside its bytes, so that freed and forged ones are told. */
export interface Cursor {
  readonly pointer: KsStreamPointer
  readonly queue: Queue
  readonly kind: 'leading' | 'trailing' | 'clone'
  /** Clones of a pin are numbered as they are made, from 1; 0 of an edge. */
  readonly number: number
  readonly cancel: CancelCallback | null
  /** The number of the frame that it is on; of an edge the lowest that it has not passed, whether that has come or not. */
  at: number
  locked: boolean
  /** The frame that its bytes are about. */
  shown: Frame | undefined
  /** Bytes or entries of that frame that were consumed. */
  used: number
  /** What its bytes must be. */
  seal: Uint8Array
}

/** The frames of a pin, and the pointers on them. */
export interface Queue {
  readonly pin: KsPin
  /** In the order in which they came. */
  readonly frames: Ordered<Frame>
  readonly irps: Map<StreamIrp, PendingIrp>
  readonly leading: Cursor
  readonly trailing: Cursor | undefined
  /** In the order in which they were made. */
  readonly clones: Ordered<Cursor>
  /** Clones that were made. */
  cloned: number
  /** Frames that a reference went from since the queue was settled. */
  readonly left: Set<Frame>
  /** IRPs to be cancelled, the last lock of which went since the queue was settled. */
  readonly unlocked: Set<PendingIrp>
  /** The number of the next frame to come. */
  arrived: number
  /** A frame was locked: the adapter stays as it was registered (KSM-010). */
  processed: boolean
  /** The IRP of which cancel callbacks are being called, with the queue's lock held (KSM-046). */
  cancelling: PendingIrp | undefined
  /** The pin is being closed: it takes no more frames. */
  closing: boolean
}

/** A clone that was advanced past the last frame is on none, and no later one comes under it. */
const NOWHERE = Number.POSITIVE_INFINITY

/** The frame that the pointer is on: for an edge the first that it has not passed. */
export function frameOf({ queue, kind, at }: Cursor): Frame | undefined {
  const frame = queue.frames.from(at)
  return kind === 'clone' && frame?.number !== at ? undefined : frame
}

/** Puts the pointer on the next frame. An edge waits at the end for what comes; it is on no frame meanwhile. */
export function moveOn(cursor: Cursor): void {
  const { queue, kind, at } = cursor
  const frame = frameOf(cursor)
  if (frame !== undefined) queue.left.add(frame)
  if (kind === 'clone') {
    frame?.clones.delete(cursor)
    const next = queue.frames.from(at + 1)
    next?.clones.add(cursor)
    cursor.at = next?.number ?? NOWHERE
  } else if (frame !== undefined) cursor.at = frame.number + 1
}

/** Keeps the pointer's frame from being cancelled (KSM-041). @param frame that it is on */
export function holdLock(cursor: Cursor, frame: Frame): void {
  if (!cursor.locked) frame.irp.locks++
  cursor.locked = true
}

/** Before the pointer leaves its frame. */
export function dropLock(cursor: Cursor): void {
  if (!cursor.locked) return
  cursor.locked = false
  const irp = frameOf(cursor)?.irp
  if (irp !== undefined && --irp.locks === 0 && irp.irp.Cancel) cursor.queue.unlocked.add(irp)
}

export function cursorsOf({ leading, trailing, clones }: Queue): readonly Cursor[] {
  return [...edgesOf({ leading, trailing }), ...clones]
}

export const edgesOf = ({ leading, trailing }: Pick<Queue, 'leading' | 'trailing'>): readonly Cursor[] =>
  trailing === undefined ? [leading] : [leading, trailing]

/** The references of a frame: edges that have not passed it, and its clones (KSM-042, KSM-044). */
export const referencesOf = (queue: Queue, { number, clones }: Frame): number =>
  edgesOf(queue).filter(({ at }) => at <= number).length + clones.size
