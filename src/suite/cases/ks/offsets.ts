import { PAGE_SIZE } from '../../../base/pages.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import type { KsStreamPointer } from '../../../ddi/ks/pointers/stream-pointer.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { homeBytes } from '../parts/home-bytes.ts'
import { MAPPINGS, SINK, Stream, registerAdapter, remainingEntries } from '../parts/streams.ts'

const STRIDE = 40
const { STATUS_DEVICE_NOT_READY } = NtStatus

/** A source with mappings, one entry a page, and the sizes of its frames in pages. */
function mappedStream(context: Context, ...pages: readonly number[]): Stream {
  context.check.equal(registerAdapter(context, { stride: STRIDE, maxBytes: PAGE_SIZE }), 0, 'RegisterAdapterObjectEx')
  const stream = new Stream(context, { flags: MAPPINGS })
  for (const count of pages) stream.queue(count * PAGE_SIZE)
  return stream
}

const advance = ({ ddi }: Context, pointer: KsStreamPointer, out: number, eject = false): number =>
  ddi.ks.KsStreamPointerAdvanceOffsets(pointer, 0, out, eject)

export const offsetCases: readonly Case[] = [
  {
    id: 'ks/strides-of-a-frame',
    title:
      'at strides 16, 24, 32 and 40 a frame’s entries are found from its pointer, and belong to the driver beside them',
    rules: ['KSM-014', 'KSM-013', 'KSM-023', 'KSM-025'],
    run: (context) => {
      const { check, ddi, device, frames } = context
      const length = 3 * PAGE_SIZE - 500
      const mapped = device.dma.entries
      for (const stride of [16, 24, 32, 40]) {
        check.equal(registerAdapter(context, { stride, maxBytes: 3000 }), 0, `registering at stride ${stride}`)
        const stream = new Stream(context, { flags: MAPPINGS })
        stream.queue(length)
        const leading = stream.leading()
        const entries = remainingEntries(context, leading, stride)
        check.equal(entries.size, length, `bytes of the entries at stride ${stride}`)
        for (const { length: bytes } of entries) check.ok(bytes > 0 && bytes <= 3000, `length at stride ${stride}`)
        const { Mappings: start, Count } = leading.OffsetOut
        for (let i = 0; i < Count; i++) {
          // Alignment, and what is behind it up to the next entry: nothing goes by either.
          const from = Number(start - frames.address) + i * stride + 12
          frames.write(from, new Uint8Array(stride - 12).fill(0xee))
        }
        check.equal(advance(context, leading, 1), 0, 'advancing')
        check.equal(leading.OffsetOut.Mappings, start + BigInt(stride), `the second entry at stride ${stride}`)
        ddi.ks.KsStreamPointerUnlock(leading, true)
        check.equal(device.dma.entries, mapped, `DMA mappings after the frame at stride ${stride}`)
        stream.close()
      }
    },
  },
  {
    id: 'ks/remaining-falls-by-entries',
    title: 'advancing by n entries moves Mappings by n strides and lowers Remaining by n; Count stays',
    rules: ['KSM-030', 'KSM-031', 'KSM-032'],
    run: (context) => {
      const { check } = context
      const stream = mappedStream(context, 6)
      const leading = stream.leading()
      const { Mappings: start } = leading.OffsetOut
      check.equal(leading.OffsetOut.Remaining, 6, 'Remaining at first')
      let used = 0
      for (const n of [2, 1, 2]) {
        check.equal(advance(context, leading, n), 0, `advancing by ${n}`)
        used += n
        check.equal(leading.OffsetOut.Count, 6, `Count after ${used}`)
        check.equal(leading.OffsetOut.Remaining, 6 - used, `Remaining after ${used}`)
        check.equal(leading.OffsetOut.Mappings, start + BigInt(used * STRIDE), `Mappings after ${used}`)
      }
      check.equal(advance(context, leading, 0), 0, 'advancing by nothing')
      check.equal(leading.OffsetOut.Remaining, 1, 'Remaining after nothing')
      stream.eject(leading)
      stream.close()
    },
  },
  {
    id: 'ks/end-of-a-frame',
    title: 'what remains may be consumed at once, ejecting skips it, and neither goes past the start of the next frame',
    rules: ['KSM-033'],
    run: (context) => {
      const { check, ddi } = context
      const stream = mappedStream(context, 3, 4, 5)
      const leading = stream.leading()
      check.callerError('KSM-033', 'one more than remains', () => advance(context, leading, 4))
      check.equal(leading.OffsetOut.Remaining, 3, 'Remaining after the refusal')
      check.equal(advance(context, leading, 3), 0, 'all that remains')
      check.equal(stream.done.length, 1, 'frames complete after the first')
      check.equal(leading.OffsetOut.Remaining, 4, 'Remaining of the second frame')
      check.equal(advance(context, leading, 1, true), 0, 'ejecting with 3 left')
      check.equal(stream.done.length, 2, 'frames complete after the second')
      check.equal(leading.OffsetOut.Remaining, 5, 'Remaining of the third frame')
      ddi.ks.KsStreamPointerAdvanceOffsetsAndUnlock(leading, 0, 5, false)
      check.equal(stream.done.length, 3, 'frames complete after the third')
      stream.close()
    },
  },
  {
    id: 'ks/advancing-needs-a-lock',
    title: 'advancing an unlocked pointer does nothing and says so; at the queue’s end the frame is left all the same',
    rules: ['KSM-034'],
    run: (context) => {
      const { check, ddi } = context
      const stream = mappedStream(context, 2)
      const leading = stream.leading()
      ddi.ks.KsStreamPointerUnlock(leading, false)
      check.equal(advance(context, leading, 2), STATUS_DEVICE_NOT_READY, 'advancing what is not locked')
      check.equal(stream.done.length, 0, 'frames complete after that')
      check.equal(ddi.ks.KsStreamPointerLock(leading), 0, 'locking again')
      check.equal(leading.OffsetOut.Remaining, 2, 'Remaining after that')
      check.equal(advance(context, leading, 2), STATUS_DEVICE_NOT_READY, 'advancing past the last frame')
      check.equal(stream.done.length, 1, 'frames complete after the last')
      check.absent(ddi.ks.KsStreamPointerGetMdl(leading), 'an MDL behind the last frame')
      check.equal(ddi.ks.KsStreamPointerAdvance(leading), 0, 'KsStreamPointerAdvance of what is not locked')
      stream.close()
    },
  },
  {
    id: 'ks/advance-and-unlock',
    title:
      'KsStreamPointerAdvanceOffsetsAndUnlock leaves the pointer unlocked inside a frame, at its end and after misuse',
    rules: ['KSM-035'],
    run: (context) => {
      const { check, ddi } = context
      const stream = mappedStream(context, 3, 2)
      const leading = stream.leading()
      const advanceUnlock = (out: number): void => ddi.ks.KsStreamPointerAdvanceOffsetsAndUnlock(leading, 0, out, false)
      advanceUnlock(1)
      check.absent(ddi.ks.KsStreamPointerGetMdl(leading), 'the MDL inside a frame')
      check.equal(stream.leading().OffsetOut.Remaining, 2, 'Remaining inside a frame')
      check.callerError('KSM-033', 'more than remains', () => advanceUnlock(3))
      check.absent(ddi.ks.KsStreamPointerGetMdl(leading), 'the MDL after misuse')
      check.equal(stream.leading().OffsetOut.Remaining, 2, 'Remaining after misuse')
      advanceUnlock(2)
      check.absent(ddi.ks.KsStreamPointerGetMdl(leading), 'the MDL at the next frame')
      check.equal(stream.done.length, 1, 'frames complete at the next')
      check.equal(stream.leading().OffsetOut.Remaining, 2, 'Remaining of the next frame')
      stream.eject(leading)
      check.callerError('KSM-035', 'what is not locked', () => advanceUnlock(0))
      stream.close()
    },
  },
  {
    id: 'ks/offset-follows-the-direction',
    title: 'Offset is OffsetOut of a source and OffsetIn of a sink, and the other side has nothing to advance over',
    rules: ['KSM-036', 'KSM-033'],
    run: (context) => {
      const { check, ddi } = context
      const offsetOf = (pointer: KsStreamPointer): bigint =>
        homeBytes(context, pointer.address, 64).getBigUint64(24, true) - pointer.address
      for (const [flow, name, own] of [
        [2, 'a source', 48n],
        [SINK, 'a sink', 32n],
      ] as const) {
        const stream = new Stream(context, { flow })
        stream.queue(100)
        const leading = stream.leading()
        const [inUsed, outUsed] = flow === SINK ? [10, 0] : [0, 10]
        check.equal(offsetOf(leading), own, `where Offset of ${name} points`)
        check.equal(leading.Offset.Remaining, 100, `Offset.Remaining of ${name}`)
        const advanceBoth = (a: number, b: number): number => ddi.ks.KsStreamPointerAdvanceOffsets(leading, a, b, false)
        check.callerError('KSM-033', `the other side of ${name}`, () => advanceBoth(outUsed, inUsed))
        check.equal(advanceBoth(inUsed, outUsed), 0, `its own side of ${name}`)
        check.equal(leading.Offset.Remaining, 90, `Offset.Remaining of ${name} afterwards`)
        stream.eject(leading)
        stream.close()
      }
    },
  },
]
