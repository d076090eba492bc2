import { physicalAddress } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import type { KsStreamPointer } from '../../../ddi/ks/pointers/stream-pointer.ts'
import { MM_ALLOCATE } from '../../../ddi/constants.ts'
import { Segments } from '../../../device/segments.ts'
import { GUARD_BYTE, orderPattern } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import { openDescribed, setPlatform } from '../parts/adapters.ts'
import { allocate, mapSystem, release } from '../parts/buffers.ts'
import { guardNeighbours } from '../parts/scattered.ts'
import { LOCKED, MAPPINGS, SINK, Stream, clientFrame, registerAdapter, remainingEntries } from '../parts/streams.ts'

const STRIDE = 24
/** No device of these cases reaches more, and a part of every session's frames lies above. */
const REACH_BITS = 28

/** The device writes the next entry of the pointer; the driver counts it and moves on inside the frame. */
async function fillEntry(context: Context, pointer: KsStreamPointer, pattern: Uint8Array): Promise<number> {
  const { check, engine, signal } = context
  const entry = remainingEntries(context, pointer, STRIDE).at(0)
  const header = check.present(pointer.StreamHeader, 'the stream header')
  const done = header.get('DataUsed')
  await engine.write(Segments.of([entry]), pattern.subarray(done, done + entry.length), { signal })
  header.set('DataUsed', done + entry.length)
  return entry.length
}

export const streamingCases: readonly Case[] = [
  {
    id: 'ks/device-fills-a-queued-frame',
    title:
      'the device fills a frame entry by entry, also by entries that straddle two pages: every byte is in place, and none beside',
    rules: ['KSM-020', 'KSM-021', 'KSM-022', 'KSM-023', 'KSM-037'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, kernel } = context
      const length = 2 * PAGE_SIZE - 700
      check.equal(registerAdapter(context, { stride: STRIDE, maxBytes: 3000 }), 0, 'RegisterAdapterObjectEx')
      const flags = MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS
      const mdl = allocate(context, 2 * PAGE_SIZE, { flags })
      const view = mapSystem(context, mdl)
      const beside = guardNeighbours(context, mdl)
      kernel.memory.fill(view, 2 * PAGE_SIZE, GUARD_BYTE)
      const stream = new Stream(context, { flags: MAPPINGS })
      stream.queueMdls({ Mdl: mdl, FrameExtent: length })
      const leading = stream.leading()
      const clone = stream.clone(leading)
      stream.eject(leading)
      const pattern = orderPattern(length, 41)
      let straddling = 0
      for (let done = 0; done < length;) {
        const bytes = await fillEntry(context, clone, pattern)
        check.ok(bytes <= 3000, `length of an entry: ${bytes}`)
        if (Math.floor(done / PAGE_SIZE) !== Math.floor((done + bytes - 1) / PAGE_SIZE)) straddling++
        done += bytes
        const expected = new Uint8Array(2 * PAGE_SIZE).fill(GUARD_BYTE)
        expected.set(pattern.subarray(0, done))
        check.bytes(kernel.memory.read(view, 2 * PAGE_SIZE), expected, `the frame after ${done} bytes`)
        if (done < length) check.equal(ddi.ks.KsStreamPointerAdvanceOffsets(clone, 0, 1, false), 0, 'the next entry')
      }
      check.equal(straddling, 1, 'entries that straddle two pages')
      ddi.ks.KsStreamPointerDelete(clone)
      check.equal(stream.done[0]?.headers[0]?.DataUsed, length, 'DataUsed as the client gets it')
      check.bytes(kernel.memory.read(view, length), pattern, 'the frame when it is complete')
      beside.check()
      stream.close()
      release(context, mdl)
      beside.release()
    },
  },
  {
    id: 'ks/device-reads-a-queued-frame',
    title: 'of a sink’s frame the device reads the valid bytes by the entries, and no more of them are mapped',
    rules: ['KSM-020', 'KSM-023'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      check.equal(registerAdapter(context, { stride: STRIDE, maxBytes: PAGE_SIZE }), 0, 'RegisterAdapterObjectEx')
      const { mdl, view } = clientFrame(context, 2 * PAGE_SIZE)
      const valid = PAGE_SIZE + 333
      const pattern = orderPattern(valid, 43)
      kernel.memory.write(view, pattern)
      const stream = new Stream(context, { flags: MAPPINGS, flow: SINK })
      const frame = { Mdl: mdl, FrameExtent: 2 * PAGE_SIZE, DataUsed: valid }
      ddi.ks.queueFrames(stream.pin, [frame], (irp) => void stream.done.push(irp))
      const leading = stream.leading()
      const entries = remainingEntries(context, leading, STRIDE)
      check.equal(entries.size, valid, 'bytes of the entries')
      check.bytes(await engine.read(entries, { signal }), pattern, 'what the device received')
      stream.eject(leading)
      check.equal(stream.done[0]?.IoStatus.Information, valid, 'bytes written, as the client gets them')
      stream.close()
      release(context, mdl)
    },
  },
  {
    id: 'ks/first-lock-maps',
    title: 'a frame is mapped by its first lock and by no other; the lock fails when mapping resources are short',
    rules: ['KSM-026'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, device, kernel } = context
      setPlatform(context, { mapRegisters: 3 })
      check.equal(registerAdapter(context, { stride: STRIDE }), 0, 'RegisterAdapterObjectEx')
      const stream = new Stream(context, { flags: MAPPINGS })
      const mapped = device.dma.entries
      const { mdl, view } = clientFrame(context, 2 * PAGE_SIZE)
      stream.queueMdls({ Mdl: mdl, FrameExtent: 2 * PAGE_SIZE })
      stream.queue(2 * PAGE_SIZE)
      check.equal(device.dma.entries, mapped, 'DMA mappings of frames that nobody locked')
      const leading = stream.leading()
      const first = device.dma.entries
      check.ok(first > mapped, 'DMA mappings after the first lock')
      const clone = stream.clone(leading)
      const { Mappings: table } = clone.OffsetOut
      ddi.ks.KsStreamPointerUnlock(clone, false)
      check.equal(ddi.ks.KsStreamPointerLock(clone), 0, 'locking once more')
      check.equal(clone.OffsetOut.Mappings, table, 'the table of a second lock')
      check.equal(device.dma.entries, first, 'DMA mappings after a second lock')
      const { STATUS_DEVICE_NOT_READY, STATUS_INSUFFICIENT_RESOURCES } = NtStatus
      check.equal(ddi.ks.KsStreamPointerAdvance(leading), STATUS_DEVICE_NOT_READY, 'advancing without resources')
      check.equal(ddi.ks.KsStreamPointerLock(leading), STATUS_INSUFFICIENT_RESOURCES, 'locking without resources')
      check.absent(ddi.ks.KsPinGetLeadingEdgeStreamPointer(stream.pin, LOCKED), 'the edge without resources')
      await fillEntry(context, clone, new Uint8Array(2 * PAGE_SIZE).fill(0x33))
      check.filled(kernel.memory.read(view, PAGE_SIZE), 0x33, 'what the device wrote to the locked frame')
      ddi.ks.KsStreamPointerDelete(clone)
      check.equal(ddi.ks.KsStreamPointerLock(leading), 0, 'locking when the first frame is complete')
      stream.eject(leading)
      check.equal(device.dma.entries, mapped, 'DMA mappings at the end')
      stream.close()
      release(context, mdl)
    },
  },
  {
    id: 'ks/bounced-frame-is-whole-when-complete',
    title: 'what the device writes to a frame above its reach is in the frame when it is complete, and not before',
    rules: ['KSM-026', 'KSM-027'],
    needs: ['engine', 'distinct-addresses'],
    run: async (context) => {
      const { check, ddi, device, engine, kernel, signal } = context
      setPlatform(context, { remapping: false })
      const bits = Math.min(REACH_BITS, device.dma.capabilities.addressBits)
      const adapter = openDescribed(context, { DmaAddressWidth: bits })
      check.equal(registerAdapter(context, { adapter, stride: STRIDE }), 0, 'RegisterAdapterObjectEx')
      const mdl = allocate(context, 2 * PAGE_SIZE, { low: physicalAddress(1n << BigInt(REACH_BITS)) })
      const view = mapSystem(context, mdl)
      kernel.memory.fill(view, 2 * PAGE_SIZE, GUARD_BYTE)
      const stream = new Stream(context, { flags: MAPPINGS })
      stream.queueMdls({ Mdl: mdl, FrameExtent: 2 * PAGE_SIZE })
      const leading = stream.leading()
      const entries = remainingEntries(context, leading, STRIDE)
      for (const { bus, length } of entries) {
        check.ok(bus + BigInt(length) <= 1n << BigInt(bits), `an entry is within ${bits} bits`)
      }
      const clone = stream.clone(leading)
      ddi.ks.KsStreamPointerUnlock(leading, true)
      const pattern = orderPattern(2 * PAGE_SIZE, 53)
      await engine.write(entries, pattern, { signal })
      check.filled(kernel.memory.read(view, 2 * PAGE_SIZE), GUARD_BYTE, 'the frame before it is complete')
      ddi.ks.KsStreamPointerDelete(clone)
      check.bytes(kernel.memory.read(view, 2 * PAGE_SIZE), pattern, 'the frame when it is complete')
      stream.close()
      release(context, mdl)
    },
  },
]
