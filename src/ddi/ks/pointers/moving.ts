import { finish } from '../../../base/disposal.ts'
import { NT_SUCCESS, NtStatus } from '../../../base/ntstatus.ts'
import { ulong } from '../../dma/ulong.ts'
import { isSink } from '../pin.ts'
import { settle } from '../queue/completing.ts'
import { type Cursor, dropLock } from '../queue/queue.ts'
import type { KsState } from '../state.ts'
import { extentOf, leaveFrame, show } from './cursor.ts'
import { lock, requireCompletable } from './locking.ts'

/** By how much a pointer is to move inside its frame: bytes, or entries where the pin has mappings (KSM-031, ERR-09). */
export interface Amounts {
  readonly inUsed: number
  readonly outUsed: number
  /** Leave the frame whatever remains. */
  readonly eject: boolean
}

/** KsStreamPointerAdvance: in the same state on the next frame; unlocked, it always succeeds. */
export function advanceFrame(state: KsState, routine: string, cursor: Cursor): NtStatus {
  const { locked } = cursor
  requireCompletable(state, routine, cursor)
  leave(state, cursor)
  return locked ? relock(state, cursor) : NtStatus.STATUS_SUCCESS
}

/**
 * KsStreamPointerAdvanceOffsets (KSM-033, KSM-034).
 * @returns STATUS_DEVICE_NOT_READY for a pointer that is not locked, and for one that could not be locked on the next
 *   frame, where it is then
 */
export function advanceOffsets(state: KsState, routine: string, cursor: Cursor, amounts: Amounts): NtStatus {
  if (!cursor.locked) return NtStatus.STATUS_DEVICE_NOT_READY
  if (!consume(state, routine, cursor, amounts)) return NtStatus.STATUS_SUCCESS
  leave(state, cursor)
  return relock(state, cursor)
}

/**
 * KsStreamPointerAdvanceOffsetsAndUnlock: unlocked it is in every case, also after a misuse (KSM-035).
 * @throws CallerError KSM-035 for a pointer that was not locked
 */
export function advanceOffsetsAndUnlock(state: KsState, routine: string, cursor: Cursor, amounts: Amounts): void {
  if (!cursor.locked) {
    state.kernel.ledger.raise({ rule: 'KSM-035', routine, text: 'the stream pointer is not locked' })
  }
  const move = (): void => {
    const ended = finish(
      () => consume(state, routine, cursor, amounts),
      () => dropLock(cursor),
    )
    if (ended) leaveFrame(cursor)
  }
  finish(move, () => settle(state, cursor.queue))
}

/**
 * Counts what was consumed. True when the pointer is to leave the frame: nothing remains, or it is ejected (KSM-033).
 * @throws CallerError KSM-033 for more than remains, and for anything on the side that the pin does not have (KSM-036)
 */
function consume(state: KsState, routine: string, cursor: Cursor, { inUsed, outUsed, eject }: Amounts): boolean {
  const { pin } = cursor.queue
  const frame = cursor.shown
  const [own, other] = isSink(pin) ? [inUsed, outUsed] : [outUsed, inUsed]
  const remaining = frame === undefined ? 0 : extentOf(pin, frame).count - cursor.used
  const excess = (text: string): never => state.kernel.ledger.raise({ rule: 'KSM-033', routine, text })
  if (ulong(other, 'the amount') > 0) excess(`it advances ${other} where a pin of this direction has nothing`)
  if (ulong(own, 'the amount') > remaining) excess(`it advances by ${own}, and ${remaining} remain`)
  const ended = eject || own === remaining
  if (ended) requireCompletable(state, routine, cursor)
  cursor.used += own
  if (frame !== undefined) show(cursor, frame)
  return ended
}

/** The frame's last reference may be gone then, so that what it held is there for the next one. */
function leave(state: KsState, cursor: Cursor): void {
  dropLock(cursor)
  leaveFrame(cursor)
  settle(state, cursor.queue)
}

/** On the next frame. What was completed meanwhile may have deleted the pointer. */
function relock(state: KsState, cursor: Cursor): NtStatus {
  const there = state.cursors.has(cursor.pointer)
  return there && NT_SUCCESS(lock(state, cursor)) ? NtStatus.STATUS_SUCCESS : NtStatus.STATUS_DEVICE_NOT_READY
}
