import { PAGE_SIZE } from '../../../base/pages.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { KIRQL } from '../../../ddi/constants.ts'
import type { KsStreamPointer } from '../../../ddi/ks/pointers/stream-pointer.ts'
import type { Case } from '../../case.ts'
import { homeBytes } from '../parts/home-bytes.ts'
import { MAPPINGS, Stream, registerAdapter } from '../parts/streams.ts'

const { STATUS_CANCELLED, STATUS_DEVICE_NOT_READY, STATUS_PENDING } = NtStatus

export const cancellationCases: readonly Case[] = [
  {
    id: 'ks/locked-frame-is-not-cancelled',
    title: 'a frame is not cancelled while a pointer on it is locked; unlocked it is, and the next lock fails',
    rules: ['KSM-041'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context)
      const irp = stream.queue(100)
      const leading = stream.leading()
      const clone = stream.clone(leading)
      ddi.ks.KsStreamPointerUnlock(clone, false)
      check.ok(!ddi.ks.IoCancelIrp(irp), 'IoCancelIrp waits for the lock')
      check.equal(irp.IoStatus.Status, STATUS_PENDING, 'the IRP while the edge is locked')
      check.equal(leading.OffsetOut.Count, 100, 'Count while the edge is locked')
      ddi.ks.KsStreamPointerUnlock(leading, false)
      check.equal(irp.IoStatus.Status, STATUS_CANCELLED, 'the IRP after the lock')
      check.equal(ddi.ks.KsStreamPointerLock(clone), STATUS_DEVICE_NOT_READY, 'locking the clone')
      check.equal(ddi.ks.KsStreamPointerLock(leading), STATUS_DEVICE_NOT_READY, 'locking the edge')
      const header = homeBytes(context, clone.address, 64).getBigUint64(16, true)
      check.equal(header, 0n, 'StreamHeader of the clone')
      ddi.ks.KsStreamPointerDelete(clone)
      const other = stream.queue(200)
      check.ok(ddi.ks.IoCancelIrp(other), 'IoCancelIrp without a lock')
      check.equal(other.IoStatus.Status, STATUS_CANCELLED, 'an IRP without a lock')
      stream.close()
    },
  },
  {
    id: 'ks/edge-skips-what-is-cancelled',
    title: 'when the frame under the leading edge is cancelled, the edge is on the next one; its mappings end at once',
    rules: ['KSM-041'],
    run: (context) => {
      const { check, ddi, device } = context
      check.equal(registerAdapter(context, { maxBytes: PAGE_SIZE }), 0, 'RegisterAdapterObjectEx')
      const stream = new Stream(context, { flags: MAPPINGS })
      const mapped = device.dma.entries
      const irp = stream.queue(2 * PAGE_SIZE)
      stream.queue(3 * PAGE_SIZE)
      const leading = stream.leading()
      check.ok(device.dma.entries > mapped, 'DMA mappings of the locked frame')
      ddi.ks.KsStreamPointerUnlock(leading, false)
      ddi.ks.IoCancelIrp(irp)
      check.equal(device.dma.entries, mapped, 'DMA mappings after the cancellation')
      check.equal(stream.leading().OffsetOut.Count, 3, 'entries under the edge')
      stream.eject(leading)
      stream.close()
    },
  },
  {
    id: 'ks/cancel-tells-unlocked-clones',
    title:
      'on cancellation the callbacks of the IRP’s unlocked clones run at DISPATCH_LEVEL; they may delete, and no more',
    rules: ['KSM-046'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const stream = new Stream(context)
      const irp = stream.queue(100, 200)
      const later = stream.queue(300)
      const told: string[] = []
      const tell =
        (name: string, act: (pointer: KsStreamPointer) => void = () => undefined) =>
        (pointer: KsStreamPointer): void => {
          told.push(`${name} at ${kernel.KeGetCurrentIrql()}, ${irp.IoStatus.Status === STATUS_PENDING}`)
          act(pointer)
        }
      const leading = stream.leading()
      const kept = stream.clone(leading, tell('first'))
      check.equal(ddi.ks.KsStreamPointerAdvance(leading), 0, 'to the second frame')
      const deleted = stream.clone(
        leading,
        tell('second', (pointer) => ddi.ks.KsStreamPointerDelete(pointer)),
      )
      check.equal(ddi.ks.KsStreamPointerAdvance(leading), 0, 'to another IRP')
      const other = stream.clone(leading, tell('other'))
      for (const pointer of [kept, deleted, other, leading]) ddi.ks.KsStreamPointerUnlock(pointer, false)
      check.ok(ddi.ks.IoCancelIrp(irp), 'IoCancelIrp')
      const expected = `first at ${KIRQL.DISPATCH_LEVEL}, true; second at ${KIRQL.DISPATCH_LEVEL}, true`
      check.equal(told.join('; '), expected, 'callbacks')
      check.equal(irp.IoStatus.Status, STATUS_CANCELLED, 'the IRP afterwards')
      check.equal(later.IoStatus.Status, STATUS_PENDING, 'another IRP')
      check.equal(ddi.ks.KsPinGetFirstCloneStreamPointer(stream.pin)?.address, kept.address, 'the first clone left')
      check.equal(ddi.ks.KsStreamPointerGetNextClone(kept)?.address, other.address, 'the second clone left')
      for (const pointer of [kept, other]) ddi.ks.KsStreamPointerDelete(pointer)
      stream.close()
    },
  },
  {
    id: 'ks/cancel-callback-leaves-the-queue-alone',
    title: 'a cancel callback that locks, advances or clones is refused, and the IRP is cancelled all the same',
    rules: ['KSM-046'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context)
      const irp = stream.queue(100)
      const leading = stream.leading()
      const attempts: readonly [string, (pointer: KsStreamPointer) => unknown][] = [
        ['locking', (pointer) => ddi.ks.KsStreamPointerLock(pointer)],
        ['advancing', (pointer) => ddi.ks.KsStreamPointerAdvance(pointer)],
        ['cloning', (pointer) => ddi.ks.KsStreamPointerClone(pointer, null, 0, {})],
        ['the leading edge', () => ddi.ks.KsPinGetLeadingEdgeStreamPointer(stream.pin, 1)],
      ]
      const clone = stream.clone(leading, (pointer) => {
        for (const [name, act] of attempts) {
          check.callerError('KSM-046', `${name} in a cancel callback`, () => act(pointer))
        }
        ddi.ks.KsStreamPointerDelete(pointer)
      })
      ddi.ks.KsStreamPointerUnlock(clone, false)
      ddi.ks.KsStreamPointerUnlock(leading, false)
      check.ok(ddi.ks.IoCancelIrp(irp), 'IoCancelIrp')
      check.equal(irp.IoStatus.Status, STATUS_CANCELLED, 'the IRP afterwards')
      stream.close()
    },
  },
]
