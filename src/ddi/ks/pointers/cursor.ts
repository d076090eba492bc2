import { type Va, va } from '../../../base/address.ts'
import { KIRQL } from '../../constants.ts'
import { KSSTREAM_POINTER } from '../../layout/x64-ks.ts'
import { generatesMappings, isSink, type KsPin } from '../pin.ts'
import { type CancelCallback, type Cursor, type Frame, type Queue, moveOn } from '../queue/queue.ts'
import type { KsState } from '../state.ts'
import { KsStreamPointer } from './stream-pointer.ts'

const { fields } = KSSTREAM_POINTER
/** Context is left to the driver: its own bytes are there, and nothing goes by the member. */
const SEALED_FROM = fields.Pin.offset

/** A zeroed KSSTREAM_POINTER with its context behind it (KSM-043); undefined when the pool is exhausted. */
export function newPointer({ kernel, headers }: KsState, pin: KsPin, contextSize: number): KsStreamPointer | undefined {
  const block = kernel.pool.allocate(KSSTREAM_POINTER.size + contextSize)
  if (block === undefined) return undefined
  const pointer = new KsStreamPointer(block, headers)
  const side = fields[isSink(pin) ? 'OffsetIn.Data' : 'OffsetOut.Data'].offset
  pointer.bytes.set('Context', contextSize === 0 ? 0n : block.address + BigInt(KSSTREAM_POINTER.size))
  pointer.bytes.set('Pin', pin.address)
  pointer.bytes.set('Offset', block.address + BigInt(side))
  return pointer
}

/** What Probar keeps of a new pointer, which is on no frame yet. */
export function newCursor(
  state: KsState,
  pointer: KsStreamPointer,
  of: {
    readonly queue: Queue
    readonly kind: Cursor['kind']
    readonly number: number
    readonly cancel: CancelCallback | null
    readonly at: number
  },
): Cursor {
  const cursor = { ...of, pointer, locked: false, shown: undefined, used: 0, seal: sealedBytes(pointer) }
  state.cursors.set(pointer, cursor)
  return cursor
}

/** Frees the pointer's memory; whoever uses it from now on is a caller error. */
export function retire({ kernel, cursors }: KsState, { pointer }: Cursor): void {
  cursors.delete(pointer)
  kernel.pool.free(pointer.address)
}

/**
 * The record of a pointer.
 * @throws CallerError KSM-048 above DISPATCH_LEVEL; KSM-042 for NULL and for a clone that was deleted; for members that a
 *   driver changed KSM-030 (Count, Remaining), KSM-032 (Data, Mappings) or KSM-003
 */
export function known(state: KsState, routine: string, pointer: KsStreamPointer | null): Cursor {
  const { kernel, cursors } = state
  kernel.requireIrql(routine, 'KSM-048', KIRQL.DISPATCH_LEVEL)
  const cursor = pointer === null ? undefined : cursors.get(pointer)
  if (cursor === undefined) {
    const text = pointer === null ? 'the stream pointer is NULL' : 'the stream pointer was deleted'
    return kernel.ledger.raise({ rule: 'KSM-042', routine, text })
  }
  const bytes = sealedBytes(cursor.pointer)
  const at = bytes.findIndex((byte, index) => byte !== cursor.seal[index])
  if (at >= 0) kernel.ledger.raise({ routine, ...forged(at + SEALED_FROM) })
  return cursor
}

/** As `known`, where the queue itself is changed: not from a cancel callback (KSM-046). */
export function changing(state: KsState, routine: string, pointer: KsStreamPointer | null): Cursor {
  const cursor = known(state, routine, pointer)
  requireNoCancelling(state, routine, cursor.queue)
  return cursor
}

export function requireNoCancelling({ kernel }: KsState, routine: string, { cancelling }: Queue): void {
  if (cancelling === undefined) return
  kernel.ledger.raise({ rule: 'KSM-046', routine, text: 'a cancel callback must not manipulate the queue' })
}

/** Writes the frame and the position in it into the pointer's bytes. */
export function show(cursor: Cursor, frame: Frame): void {
  const { pin } = cursor.queue
  const side = isSink(pin) ? 'OffsetIn' : 'OffsetOut'
  const { start, count, step } = extentOf(pin, frame)
  const { bytes } = cursor.pointer
  cursor.shown = frame
  bytes.set('StreamHeader', frame.header.address)
  bytes.set(`${side}.Data`, start === 0n ? 0n : start + BigInt(cursor.used * step))
  bytes.set(`${side}.Count`, count)
  bytes.set(`${side}.Remaining`, count - cursor.used)
  reseal(cursor)
}

/** On to the next frame; nothing is shown of it before it is locked there. */
export function leaveFrame(cursor: Cursor): void {
  moveOn(cursor)
  if (cursor.shown !== undefined) hide(cursor)
}

/** Nothing of a frame stays in the pointer's bytes: it is on another one, or on none, and not locked there. */
export function hide(cursor: Cursor): void {
  const { bytes } = cursor.pointer
  cursor.shown = undefined
  cursor.used = 0
  bytes.set('StreamHeader', 0n)
  for (const side of ['OffsetIn', 'OffsetOut'] as const) {
    bytes.set(`${side}.Data`, 0n)
    bytes.set(`${side}.Count`, 0)
    bytes.set(`${side}.Remaining`, 0)
  }
  reseal(cursor)
}

/** A routine has written into the pointer. */
export function reseal(cursor: Cursor): void {
  cursor.seal = sealedBytes(cursor.pointer)
}

/** What a position counts: entries of the table, a stride apart, or bytes (KSM-030, KSM-032). */
export function extentOf(pin: KsPin, { table, header, length }: Frame): Extent {
  if (!generatesMappings(pin)) return { start: va(header.get('Data')), count: length, step: 1 }
  return { start: table?.Mappings ?? va(0n), count: table?.Count ?? 0, step: table?.stride ?? 0 }
}

interface Extent {
  readonly start: Va
  readonly count: number
  /** Bytes from one to the next. */
  readonly step: number
}

const sealedBytes = ({ bytes }: KsStreamPointer): Uint8Array => bytes.copy().subarray(SEALED_FROM)

function forged(offset: number): { readonly rule: string; readonly text: string } {
  if (offset < fields['OffsetIn.Data'].offset)
    return { rule: 'KSM-003', text: 'Pin, StreamHeader or Offset was changed' }
  const member = (offset - fields['OffsetIn.Data'].offset) % 16
  if (member < 8) return { rule: 'KSM-032', text: 'Data or Mappings was changed' }
  return { rule: 'KSM-030', text: member < 12 ? 'Count was changed' : 'Remaining was changed' }
}
