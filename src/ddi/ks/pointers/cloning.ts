import { NtStatus } from '../../../base/ntstatus.ts'
import type { Out } from '../../constants.ts'
import { ulong } from '../../dma/ulong.ts'
import { settle } from '../queue/completing.ts'
import { type CancelCallback, type Cursor, dropLock, frameOf, holdLock } from '../queue/queue.ts'
import type { KsState } from '../state.ts'
import { newCursor, newPointer, retire, show } from './cursor.ts'
import { requireCompletable } from './locking.ts'
import type { KsStreamPointer } from './stream-pointer.ts'

/**
 * KsStreamPointerClone (KSM-042, KSM-043).
 * @returns STATUS_DEVICE_NOT_READY where there is no frame to refer to, STATUS_INSUFFICIENT_RESOURCES without memory
 */
export function clone(
  state: KsState,
  source: Cursor,
  cancel: CancelCallback | null,
  contextSize: number,
  made: Out<KsStreamPointer>,
): NtStatus {
  const { queue, locked, used, shown } = source
  const frame = frameOf(source)
  if (frame === undefined) return NtStatus.STATUS_DEVICE_NOT_READY
  const pointer = newPointer(state, queue.pin, ulong(contextSize, 'ContextSize'))
  if (pointer === undefined) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  const cursor = newCursor(state, pointer, { queue, kind: 'clone', number: ++queue.cloned, cancel, at: frame.number })
  queue.clones.add(cursor)
  frame.clones.add(cursor)
  if (shown === frame) {
    if (locked) holdLock(cursor, frame)
    cursor.used = used
    show(cursor, frame)
  }
  made.value = pointer
  return NtStatus.STATUS_SUCCESS
}

/**
 * KsStreamPointerDelete: its reference goes, and with the last one the frame is complete (KSM-044).
 * @throws CallerError KSM-045 for an edge, KSM-037
 */
export function deleteClone(state: KsState, routine: string, cursor: Cursor): void {
  const { queue, kind } = cursor
  if (kind !== 'clone') {
    state.kernel.ledger.raise({ rule: 'KSM-045', routine, text: `the ${kind} edge cannot be deleted` })
  }
  const frame = frameOf(cursor)
  // What is being cancelled has no result to be checked.
  if (queue.cancelling === undefined || frame?.irp !== queue.cancelling) requireCompletable(state, routine, cursor)
  dropLock(cursor)
  queue.clones.remove(cursor)
  if (frame !== undefined) {
    frame.clones.delete(cursor)
    queue.left.add(frame)
  }
  retire(state, cursor)
  if (queue.cancelling === undefined) settle(state, queue)
}

/** KsStreamPointerGetNextClone: the one that was made next on the same pin; null for the last, and for an edge. */
export function nextClone({ queue, kind, number }: Cursor): KsStreamPointer | null {
  return kind === 'clone' ? (queue.clones.from(number + 1)?.pointer ?? null) : null
}
