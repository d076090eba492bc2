import { PAGE_SIZE } from '../../../base/pages.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import type { Out } from '../../../ddi/constants.ts'
import type { KsStreamPointer } from '../../../ddi/ks/pointers/stream-pointer.ts'
import type { Case } from '../../case.ts'
import { homeBytes } from '../parts/home-bytes.ts'
import {
  LOCKED,
  MAPPINGS,
  NO_QUEUE,
  Stream,
  TRAILING,
  UNLOCKED,
  registerAdapter,
  remainingEntries,
} from '../parts/streams.ts'

const { STATUS_SUCCESS, STATUS_UNSUCCESSFUL } = NtStatus

export const referenceCases: readonly Case[] = [
  {
    id: 'ks/leading-edge',
    title:
      'the leading edge is NULL without a queue and, locked, without a frame; unlocked it is there, with nothing to touch',
    rules: ['KSM-040'],
    run: (context) => {
      const { check, ddi } = context
      const without = new Stream(context, { flags: NO_QUEUE })
      check.absent(ddi.ks.KsPinGetLeadingEdgeStreamPointer(without.pin, LOCKED), 'a locked edge without a queue')
      check.absent(ddi.ks.KsPinGetLeadingEdgeStreamPointer(without.pin, UNLOCKED), 'an edge without a queue')
      without.close()
      const stream = new Stream(context)
      check.absent(ddi.ks.KsPinGetLeadingEdgeStreamPointer(stream.pin, LOCKED), 'a locked edge without a frame')
      const unlocked = stream.unlockedLeading()
      const header = homeBytes(context, unlocked.address, 64).getBigUint64(16, true)
      check.equal(header, 0n, 'StreamHeader of an edge without a frame')
      stream.queue(100)
      check.absent(ddi.ks.KsStreamPointerGetIrp(unlocked, null, null), 'the IRP of an unlocked edge')
      check.equal(stream.leading().address, unlocked.address, 'the address of the locked edge')
      check.equal(unlocked.OffsetOut.Count, 100, 'Count of the locked edge')
      check.present(ddi.ks.KsStreamPointerGetIrp(unlocked, null, null), 'the IRP of the locked edge')
      stream.eject(unlocked)
      stream.close()
    },
  },
  {
    id: 'ks/clone-begins-as-its-source',
    title: 'a clone is on the frame of its source, at its place and in its state, and goes its own way from there',
    rules: ['KSM-042'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context)
      stream.queue(100)
      stream.queue(200)
      const leading = stream.leading()
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(leading, 0, 10, false), 0, 'advancing the source')
      const clone = stream.clone(leading)
      check.differ(clone.address, leading.address, 'the address of the clone')
      check.equal(clone.StreamHeader?.address, leading.StreamHeader?.address, 'the header of the clone')
      check.equal(clone.OffsetOut.Remaining, 90, 'Remaining of the clone')
      check.present(ddi.ks.KsStreamPointerGetMdl(clone), 'the MDL of a locked clone')
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(clone, 0, 50, false), 0, 'advancing the clone')
      check.equal(leading.OffsetOut.Remaining, 90, 'Remaining of the source')
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(leading, 0, 90, false), 0, 'the source leaves the frame')
      check.equal(clone.OffsetOut.Remaining, 40, 'Remaining of the clone afterwards')
      ddi.ks.KsStreamPointerUnlock(leading, false)
      const unlocked = stream.clone(leading)
      check.absent(ddi.ks.KsStreamPointerGetMdl(unlocked), 'the MDL of an unlocked clone')
      check.equal(ddi.ks.KsPinGetFirstCloneStreamPointer(stream.pin)?.address, clone.address, 'the first clone')
      check.equal(ddi.ks.KsStreamPointerGetNextClone(clone)?.address, unlocked.address, 'the next clone')
      check.absent(ddi.ks.KsStreamPointerGetNextClone(unlocked), 'a clone after the last')
      ddi.ks.KsStreamPointerDelete(clone)
      check.equal(stream.done.length, 1, 'frames complete after the clone')
      ddi.ks.KsStreamPointerDelete(unlocked)
      check.equal(stream.done.length, 1, 'frames complete while the edge is on the second')
      stream.close()
    },
  },
  {
    id: 'ks/clone-context',
    title:
      'a clone’s context lies directly behind its 64 bytes and is the driver’s; without one, and for edges, Context is NULL',
    rules: ['KSM-043', 'KSM-003'],
    run: (context) => {
      const { check, ddi, frames } = context
      const stream = new Stream(context, { flags: TRAILING })
      stream.queue(100)
      const leading = stream.leading()
      const contextOf = ({ address }: KsStreamPointer): bigint => homeBytes(context, address, 8).getBigUint64(0, true)
      const clone = stream.clone(leading, null, 40)
      const beside = stream.clone(leading, null, 16)
      const start = Number(contextOf(clone) - frames.address)
      check.equal(contextOf(clone), clone.address + 64n, 'Context of a clone with one')
      check.filled(frames.read(start, 40), 0, 'the context at first')
      frames.write(start, new Uint8Array(40).fill(0xcd))
      check.equal(contextOf(beside), beside.address + 64n, 'Context of another clone')
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(clone, 0, 1, false), 0, 'advancing with a full context')
      check.filled(frames.read(start, 40), 0xcd, 'the context afterwards')
      const bare = stream.clone(leading)
      check.equal(contextOf(bare), 0n, 'Context of a clone without one')
      check.equal(contextOf(leading), 0n, 'Context of the leading edge')
      const trailing = check.present(ddi.ks.KsPinGetTrailingEdgeStreamPointer(stream.pin, UNLOCKED), 'a trailing edge')
      check.equal(contextOf(trailing), 0n, 'Context of the trailing edge')
      for (const one of [clone, beside, bare]) ddi.ks.KsStreamPointerDelete(one)
      ddi.ks.KsStreamPointerUnlock(leading, false)
      stream.close()
    },
  },
  {
    id: 'ks/last-reference-completes',
    title:
      'a frame is complete when edge and clones have left it, and an IRP with its last frame, with the status that was set',
    rules: ['KSM-044', 'KSM-042'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context)
      const irp = stream.queue(100, 200)
      const leading = stream.leading()
      const [isFirst, isLast]: [Out<boolean>, Out<boolean>] = [{}, {}]
      check.ok(ddi.ks.KsStreamPointerGetIrp(leading, isFirst, isLast) === irp, 'KsStreamPointerGetIrp')
      check.equal(`${isFirst.value} ${isLast.value}`, 'true false', 'first and last of the first frame')
      const first = stream.clone(leading)
      check.equal(ddi.ks.KsStreamPointerAdvance(leading), 0, 'passing the first frame')
      const second = stream.clone(leading)
      stream.eject(leading)
      check.equal(irp.IoStatus.Status, NtStatus.STATUS_PENDING, 'the IRP while both frames have clones')
      ddi.ks.KsStreamPointerDelete(second)
      check.equal(stream.done.length, 0, 'IRPs complete while the first frame has a clone')
      check.equal(ddi.ks.KsStreamPointerSetStatusCode(first, STATUS_UNSUCCESSFUL), 0, 'KsStreamPointerSetStatusCode')
      ddi.ks.KsStreamPointerDelete(first)
      check.equal(stream.done.length, 1, 'IRPs complete after the last clone')
      check.equal(irp.IoStatus.Status, STATUS_UNSUCCESSFUL, 'the status of the IRP')
      check.equal(irp.IoStatus.Information, 2 * 56, 'the bytes of its headers')
      check.equal(stream.queue(100).IoStatus.Status, NtStatus.STATUS_PENDING, 'another IRP')
      stream.eject(stream.leading())
      check.equal(stream.done[1]?.IoStatus.Status, STATUS_SUCCESS, 'the status of another IRP')
      stream.close()
    },
  },
  {
    id: 'ks/trailing-edge-keeps-the-window',
    title: 'frames between trailing and leading edge stay, and are complete one by one as the trailing edge goes on',
    rules: ['KSM-044', 'KSM-004'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context, { flags: TRAILING })
      for (let i = 0; i < 3; i++) stream.queue(100)
      const leading = stream.leading()
      for (let i = 0; i < 3; i++) ddi.ks.KsStreamPointerAdvance(leading)
      check.equal(stream.done.length, 0, 'frames complete behind the leading edge')
      for (let i = 1; i <= 3; i++) {
        const edge = ddi.ks.KsPinGetTrailingEdgeStreamPointer(stream.pin, LOCKED)
        stream.eject(check.present(edge, 'the trailing edge'))
        check.equal(stream.done.length, i, `frames complete after ${i} steps of the trailing edge`)
      }
      stream.close()
    },
  },
  {
    id: 'ks/only-clones-are-deleted',
    title: 'an edge cannot be deleted, and a clone that was deleted can be used no more',
    rules: ['KSM-045', 'KSM-042'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context)
      stream.queue(100)
      const leading = stream.leading()
      const clone = stream.clone(leading)
      check.callerError('KSM-045', 'the leading edge', () => ddi.ks.KsStreamPointerDelete(leading))
      check.equal(stream.done.length, 0, 'frames complete after that')
      ddi.ks.KsStreamPointerDelete(clone)
      check.callerError('KSM-042', 'a clone that was deleted', () => ddi.ks.KsStreamPointerDelete(clone))
      check.callerError('KSM-042', 'locking it', () => ddi.ks.KsStreamPointerLock(clone))
      stream.eject(leading)
      check.callerError('KSM-041', 'unlocking what is not locked', () => ddi.ks.KsStreamPointerUnlock(leading, false))
      stream.close()
    },
  },
  {
    id: 'ks/data-used-is-the-drivers',
    title: 'DataUsed is what the driver wrote, the bytes of completed entries; more than the frame has is refused',
    rules: ['KSM-037'],
    run: (context) => {
      const { check, ddi } = context
      check.equal(registerAdapter(context, { stride: 24, maxBytes: 1000 }), 0, 'RegisterAdapterObjectEx')
      const stream = new Stream(context, { flags: MAPPINGS })
      stream.queue(PAGE_SIZE)
      stream.queue(PAGE_SIZE)
      const leading = stream.leading()
      const header = check.present(leading.StreamHeader, 'the stream header')
      check.equal(header.get('DataUsed'), 0, 'DataUsed at first')
      const two = remainingEntries(context, leading, 24).slice(0, 2000)
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(leading, 0, 2, false), 0, 'advancing by two entries')
      check.equal(header.get('DataUsed'), 0, 'DataUsed after two entries')
      header.set('DataUsed', two.size)
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(leading, 0, 0, true), 0, 'ejecting')
      check.equal(stream.done[0]?.headers[0]?.DataUsed, 2000, 'DataUsed as the client gets it')
      const next = check.present(leading.StreamHeader, 'the second stream header')
      next.set('DataUsed', PAGE_SIZE + 1)
      check.callerError('KSM-037', 'a byte more than the frame', () => stream.eject(leading))
      check.equal(stream.done.length, 1, 'frames complete after that')
      next.set('DataUsed', PAGE_SIZE)
      stream.eject(leading)
      check.equal(stream.done[1]?.headers[0]?.DataUsed, PAGE_SIZE, 'all of the frame')
      stream.close()
    },
  },
]
