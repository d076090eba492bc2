import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Case } from '../../case.ts'
import { homeBytes } from '../parts/home-bytes.ts'
import { SINK, Stream, registerAdapter } from '../parts/streams.ts'

/** As in ks.h (KSM-004): written out, so that no table of ours stands on both sides. */
const GENERATE_MAPPINGS = 0x100
const DISTINCT_TRAILING_EDGE = 0x200

const FRAME = 2 * PAGE_SIZE - 24

export const layoutCases: readonly Case[] = [
  {
    id: 'ks/stream-pointer-in-bytes',
    title: 'a stream pointer on a source tells pin, header, direction and position at the offsets of ks.h',
    rules: ['KSM-003', 'KSM-002', 'KSM-036'],
    run: (context) => {
      const { check, ddi } = context
      const stream = new Stream(context)
      stream.queue(FRAME)
      const leading = stream.leading()
      check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(leading, 0, 20, false), 0, 'advancing by 20 bytes')
      const bytes = homeBytes(context, leading.address, 64)
      const header = check.present(leading.StreamHeader, 'the stream header')
      const data = homeBytes(context, header.address, 56).getBigUint64(40, true)
      check.equal(bytes.getBigUint64(8, true), stream.pin.address, 'Pin at byte 8')
      check.equal(bytes.getBigUint64(16, true), header.address, 'StreamHeader at byte 16')
      check.equal(bytes.getBigUint64(24, true), leading.address + 48n, 'Offset at byte 24')
      check.equal(bytes.getBigUint64(48, true), data + 20n, 'OffsetOut.Data at byte 48')
      check.equal(bytes.getUint32(56, true), FRAME, 'OffsetOut.Count at byte 56')
      check.equal(bytes.getUint32(60, true), FRAME - 20, 'OffsetOut.Remaining at byte 60')
      stream.eject(leading)
      stream.close()
    },
  },
  {
    id: 'ks/stream-pointer-of-a-sink-in-bytes',
    title: 'on a sink the position lies 16 bytes earlier, in OffsetIn',
    rules: ['KSM-003', 'KSM-036'],
    run: (context) => {
      const { check } = context
      const stream = new Stream(context, { flow: SINK })
      stream.queue(FRAME)
      const leading = stream.leading()
      const bytes = homeBytes(context, leading.address, 64)
      check.equal(bytes.getBigUint64(24, true), leading.address + 32n, 'Offset at byte 24')
      check.differ(bytes.getBigUint64(32, true), 0n, 'OffsetIn.Data at byte 32')
      check.equal(bytes.getUint32(40, true), FRAME, 'OffsetIn.Count at byte 40')
      check.equal(bytes.getUint32(44, true), FRAME, 'OffsetIn.Remaining at byte 44')
      stream.eject(leading)
      stream.close()
    },
  },
  {
    id: 'ks/stream-header-in-bytes',
    title:
      'a stream header tells its size, the frame’s and where its data lie; what the driver writes at byte 36 is DataUsed',
    rules: ['KSM-003'],
    run: (context) => {
      const { check, frames } = context
      const stream = new Stream(context)
      const irp = stream.queue(FRAME)
      const leading = stream.leading()
      const header = check.present(leading.StreamHeader, 'the stream header')
      const bytes = homeBytes(context, header.address, 56)
      const view = leading.OffsetOut.Data
      check.equal(bytes.getUint32(0, true), 56, 'Size at byte 0')
      check.equal(bytes.getUint32(32, true), FRAME, 'FrameExtent at byte 32')
      check.equal(bytes.getUint32(36, true), 0, 'DataUsed at byte 36')
      check.equal(bytes.getBigUint64(40, true), view, 'Data at byte 40')
      frames.write(Number(header.address - frames.address) + 36, Uint8Array.of(0x22, 0x11, 0, 0))
      stream.eject(leading)
      check.equal(irp.headers[0]?.DataUsed, 0x1122, 'DataUsed as the client gets it')
      stream.close()
    },
  },
  {
    id: 'ks/flags-and-states-by-value',
    title: '0x100 makes positions count mappings, 0x200 gives a trailing edge; state 1 locks and state 0 does not',
    rules: ['KSM-004', 'KSM-010'],
    run: (context) => {
      const { check, ddi } = context
      check.equal(registerAdapter(context, { maxBytes: PAGE_SIZE }), 0, 'RegisterAdapterObjectEx')
      const plain = new Stream(context)
      plain.queue(2 * PAGE_SIZE)
      check.equal(plain.leading().OffsetOut.Count, 2 * PAGE_SIZE, 'bytes without a flag')
      check.absent(ddi.ks.KsPinGetTrailingEdgeStreamPointer(plain.pin, 0), 'a trailing edge without a flag')
      plain.eject(plain.leading())
      plain.close()
      const stream = new Stream(context, { flags: GENERATE_MAPPINGS | DISTINCT_TRAILING_EDGE })
      stream.queue(2 * PAGE_SIZE)
      const edge = ddi.ks.KsPinGetTrailingEdgeStreamPointer(stream.pin, 0)
      const trailing = check.present(edge, 'the trailing edge with 0x200')
      check.absent(ddi.ks.KsStreamPointerGetMdl(trailing), 'the MDL of a pointer in state 0')
      check.present(ddi.ks.KsPinGetTrailingEdgeStreamPointer(stream.pin, 1), 'the trailing edge in state 1')
      check.present(ddi.ks.KsStreamPointerGetMdl(trailing), 'the MDL of a pointer in state 1')
      check.equal(trailing.OffsetOut.Count, 2, 'entries with 0x100')
      stream.eject(trailing)
      stream.close()
    },
  },
]
