import { NT_SUCCESS, NtStatus } from '../../../base/ntstatus.ts'
import type { Out } from '../../constants.ts'
import type { KsMappingTable } from '../mappings.ts'
import { generatesMappings, isSink } from '../pin.ts'
import { settle } from '../queue/completing.ts'
import { type Cursor, type Frame, type Queue, dropLock, frameOf, holdLock, referencesOf } from '../queue/queue.ts'
import type { KsState } from '../state.ts'
import { leaveFrame, show } from './cursor.ts'

/**
 * KsStreamPointerLock: the frame stays for as long as the lock does (KSM-041). Locking what is locked already changes
 * nothing; no document says that locks are counted.
 */
export function lock(state: KsState, cursor: Cursor): NtStatus {
  const frame = frameOf(cursor)
  if (frame === undefined) return NtStatus.STATUS_DEVICE_NOT_READY
  if (cursor.locked) return NtStatus.STATUS_SUCCESS
  const status = withTable(state, cursor.queue, frame)
  if (!NT_SUCCESS(status)) return status
  holdLock(cursor, frame)
  cursor.queue.processed = true
  show(cursor, frame)
  return status
}

/** KsStreamPointerUnlock. @throws CallerError KSM-041 for a pointer that is not locked */
export function unlock(state: KsState, routine: string, cursor: Cursor, eject: boolean): void {
  if (!cursor.locked) {
    state.kernel.ledger.raise({ rule: 'KSM-041', routine, text: 'the stream pointer is not locked' })
  }
  if (eject) requireCompletable(state, routine, cursor)
  dropLock(cursor)
  if (eject) leaveFrame(cursor)
  settle(state, cursor.queue)
}

/**
 * What a driver has to have done before its reference goes, if it is the frame's last: DataUsed is its to write, in bytes,
 * with mappings and without (KSM-037, ERR-13).
 * @throws CallerError KSM-037 when it is more than the frame has
 */
export function requireCompletable({ kernel }: KsState, routine: string, cursor: Cursor): void {
  const frame = frameOf(cursor)
  if (frame === undefined || !isLast(cursor, frame)) return
  const used = frame.header.get('DataUsed')
  if (used <= frame.extent) return
  const text = `DataUsed is ${used}, of a frame of ${frame.extent} bytes`
  kernel.ledger.raise({ rule: 'KSM-037', routine, text })
}

/** @param frame that the pointer is on, so that one of the references is its own */
const isLast = (cursor: Cursor, frame: Frame): boolean => referencesOf(cursor.queue, frame) === 1

/** The table is made at the first lock of the frame, and lock after lock is the same (KSM-026). */
function withTable({ device }: KsState, { pin }: Queue, frame: Frame): NtStatus {
  if (!generatesMappings(pin) || frame.table !== undefined || frame.mdl === null || frame.length === 0) {
    return NtStatus.STATUS_SUCCESS
  }
  const made: Out<KsMappingTable> = {}
  const status = device.generateMappings(frame.mdl, frame.length, isSink(pin), made)
  if (made.value === undefined) return NT_SUCCESS(status) ? NtStatus.STATUS_INSUFFICIENT_RESOURCES : status
  frame.table = made.value
  return status
}
