import type { Mdl } from '../../mm/mdl.ts'
import type { PoolBlock } from '../../kernel/pool.ts'
import type { KsMappingTable } from '../mappings.ts'
import type { KsPin } from '../pin.ts'
import type { KsStreamPointer, StreamHeader } from '../pointers/stream-pointer.ts'
import type { CompletionRoutine, StreamIrp } from '../stream-irp.ts'

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
}

/** An IRP that is under way, and what its completion takes. */
export interface PendingIrp {
  readonly irp: StreamIrp
  /** Of its headers. */
  readonly block: PoolBlock
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
  readonly frames: Frame[]
  readonly irps: Map<StreamIrp, PendingIrp>
  readonly leading: Cursor
  readonly trailing: Cursor | undefined
  /** In the order in which they were made. */
  readonly clones: Set<Cursor>
  /** The number of the next frame to come. */
  arrived: number
  /** A frame was locked: the adapter stays as it was registered (KSM-010). */
  processed: boolean
  /** Cancel callbacks are being called, with the queue's lock held (KSM-046). */
  cancelling: boolean
  /** The pin is being closed: it takes no more frames. */
  closing: boolean
}

/** A clone that was advanced past the last frame is on none, and no later one comes under it. */
const NOWHERE = Number.POSITIVE_INFINITY

/** The frame that the pointer is on: for an edge the first that it has not passed. */
export function frameOf({ queue, kind, at }: Cursor): Frame | undefined {
  const frame = queue.frames.find(({ number }) => number >= at)
  return kind === 'clone' && frame?.number !== at ? undefined : frame
}

/** Puts the pointer on the next frame. An edge waits at the end for what comes; it is on no frame meanwhile. */
export function moveOn(cursor: Cursor): void {
  const { queue, kind, at } = cursor
  const frame = frameOf(cursor)
  if (kind === 'clone') cursor.at = queue.frames.find(({ number }) => number > at)?.number ?? NOWHERE
  else if (frame !== undefined) cursor.at = frame.number + 1
}

export function cursorsOf({ leading, trailing, clones }: Queue): readonly Cursor[] {
  return [leading, ...(trailing === undefined ? [] : [trailing]), ...clones]
}

/** The references of a frame: edges that have not passed it, and its clones (KSM-042, KSM-044). */
export const referencesOf = (queue: Queue, { number }: Frame): readonly Cursor[] =>
  cursorsOf(queue).filter(({ kind, at }) => (kind === 'clone' ? at === number : at <= number))

/** Frames that no edge has before it and no clone is on. */
export function unreferenced({ frames, leading, trailing, clones }: Queue): readonly Frame[] {
  const passed = Math.min(leading.at, trailing?.at ?? leading.at)
  const cloned = new Set([...clones].map(({ at }) => at))
  return frames.filter(({ number }) => number < passed && !cloned.has(number))
}

/** A locked pointer is on a frame of the IRP (KSM-041). */
export const isLocked = (queue: Queue, irp: PendingIrp): boolean =>
  cursorsOf(queue).some((cursor) => cursor.locked && frameOf(cursor)?.irp === irp)
