import { runAll } from '../../../base/disposal.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { KIRQL } from '../../constants.ts'
import { KSSTREAM_HEADER } from '../../layout/x64-ks.ts'
import { isSink } from '../pin.ts'
import { hide } from '../pointers/cursor.ts'
import type { KsState } from '../state.ts'
import { type Frame, type PendingIrp, type Queue, edgesOf, referencesOf } from './queue.ts'

/**
 * What follows from a change of the queue: frames without a reference are complete, IRPs without frames too (KSM-044), and
 * cancellations that waited for a lock are carried out (KSM-041). Completion routines come last, on a queue that is whole.
 * It looks at what has changed only, however long the queue is.
 */
export function settle(state: KsState, queue: Queue): void {
  const frames = [...queue.left].filter((frame) => frame.irp.frames.has(frame) && referencesOf(queue, frame) === 0)
  queue.left.clear()
  const done: PendingIrp[] = []
  const finish = (): void => {
    for (const irp of new Set(frames.map((frame) => frame.irp))) if (irp.frames.size === 0) done.push(irp)
    for (const irp of done) finishIrp(state, queue, irp, irp.status)
  }
  runAll([
    ...frames.map((frame) => () => takeOut(state, queue, frame)),
    finish,
    () =>
      runAll(
        done.map(
          ({ irp, completed }) =>
            () =>
              completed(irp),
        ),
      ),
    () => cancelUnlocked(state, queue),
  ])
}

/** A completion routine, or a callback, may change what is left to be cancelled. */
function cancelUnlocked(state: KsState, queue: Queue): void {
  const waiting = [...queue.unlocked]
  queue.unlocked.clear()
  runAll(
    waiting.map((pending) => () => {
      if (queue.irps.has(pending.irp) && pending.locks === 0) cancelNow(state, queue, pending)
    }),
  )
}

/** IoCancelIrp: now, or by `settle` when the last lock goes (KSM-041). True when it is done. */
export function cancelIrp(state: KsState, queue: Queue, pending: PendingIrp): boolean {
  pending.irp.Cancel = true
  if (pending.locks > 0) return false
  cancelNow(state, queue, pending)
  return true
}

/**
 * Tells the unlocked clones on the IRP's frames, then takes the frames away, clones or not, and completes the IRP
 * (KSM-046). Nobody is told when the driver has gone.
 */
export function cancelNow(state: KsState, queue: Queue, pending: PendingIrp, driver: 'there' | 'gone' = 'there'): void {
  const told = [...pending.frames].flatMap(({ clones }) => [...clones]).filter(({ locked }) => !locked)
  const tell = (): void => {
    queue.cancelling = pending
    state.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
      runAll(
        told.map(({ pointer, cancel }) => () => {
          if (state.cursors.has(pointer)) cancel?.(pointer)
        }),
      ),
    )
  }
  const end = (): void => {
    queue.cancelling = undefined
    runAll([
      ...[...pending.frames].map((frame) => () => takeOut(state, queue, frame)),
      () => finishIrp(state, queue, pending, NtStatus.STATUS_CANCELLED),
    ])
  }
  const { irp, completed } = pending
  const there = driver === 'there'
  runAll([...(there ? [tell] : []), end, ...(there ? [() => completed(irp), () => settle(state, queue)] : [])])
}

/** No pointer shows the frame then, and the device's access to it ends with its last reference (KSM-027). */
function takeOut({ device }: KsState, queue: Queue, frame: Frame): void {
  queue.frames.remove(frame)
  frame.irp.frames.delete(frame)
  for (const cursor of [...edgesOf(queue), ...frame.clones]) if (cursor.shown === frame) hide(cursor)
  const { table } = frame
  frame.table = undefined
  if (table !== undefined) device.releaseMappings(table)
}

/** What the client gets back; the headers in the kernel's memory are gone then. */
function finishIrp(state: KsState, queue: Queue, pending: PendingIrp, status: NtStatus): void {
  const { irp, block, headers, mdls, chained } = pending
  queue.irps.delete(irp)
  queue.unlocked.delete(pending)
  irp.headers = headers.map((header) => ({
    FrameExtent: header.get('FrameExtent'),
    DataUsed: header.get('DataUsed'),
    OptionsFlags: header.get('OptionsFlags'),
  }))
  const written = irp.headers.reduce((sum, { DataUsed }) => sum + DataUsed, 0)
  irp.IoStatus.Status = status
  irp.IoStatus.Information = isSink(queue.pin) ? written : headers.length * KSSTREAM_HEADER.size
  irp.MdlAddress = null
  for (const { mdl, next } of chained) if (state.mm.isKnown(mdl)) mdl.header.set('Next', next)
  for (const header of headers) state.headers.delete(header.address)
  state.kernel.pool.free(block.address)
  if (mdls.every((mdl) => state.mm.isKnown(mdl))) return
  const text = 'an MDL was freed before the request that it came with was complete'
  state.kernel.ledger.note({ rule: 'KSM-044', routine: 'queueFrames', text })
}
