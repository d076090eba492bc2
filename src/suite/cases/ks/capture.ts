import { PAGE_SIZE } from '../../../base/pages.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import type { Segments } from '../../../device/segments.ts'
import { GUARD_BYTE } from '../../../memory/patterns.ts'
import type { Case } from '../../case.ts'
import type { Context } from '../../context.ts'
import {
  CaptureClient,
  type ClientBuffer,
  type OpenCapture,
  WatchedEngine,
  captured,
  framesOf,
} from '../parts/capture.ts'

/** A capture minidriver, whole: a client queues frames, and the device fills them. */

const { STATUS_CANCELLED, STATUS_SUCCESS } = NtStatus
const NOTHING = new Uint8Array()

/** No page is one entry then: a frame of two pages has three or four. */
const SPLIT = { maxMappingsByteCount: 3000 }
const LONG = 2 * PAGE_SIZE
/** The kernel's log needs a moment; a model answers at once. */
const FAULT_TIMEOUT_MS = 500

/** What the client found when it got its buffer back. */
interface Returned {
  readonly bytes: Uint8Array
  /** What the device said of itself. */
  readonly idle: boolean
}

/**
 * A frame that ends before its time, as soon as the device is busy with its second entry. The client makes use of its
 * memory at once when it gets that back; the device goes on with another frame, and no byte comes to the first any more.
 */
async function endEarly(
  { context, open }: { readonly context: Context; readonly open: OpenCapture },
  status: number,
  end: (client: CaptureClient, first: ClientBuffer) => void,
): Promise<void> {
  const { check, engine } = context
  const returned: Returned[] = []
  const busy = (commands: number): void => (commands === 2 ? end(client, first) : undefined)
  // One entry a command, also of a device that takes lists, so that a frame can end between them.
  const watched = new WatchedEngine(engine, busy, 1)
  const client = new CaptureClient(context, open, { ...SPLIT, engine: watched })
  const first = client.queue(LONG, (buffer) => {
    returned.push({ bytes: buffer.bytes(), idle: engine.idle(0) })
    buffer.clear()
  })
  const second = client.queue(64)
  client.pin.capture(captured(0, LONG))
  await client.pin.settled()
  check.equal(returned.length, 1, 'times that the client got its buffer back')
  check.ok(returned[0]?.idle === true, 'the device was at rest when the client got its buffer back')
  check.equal(first.irp.IoStatus.Status, status, 'status of the frame')
  checkPart(context, first.used, returned[0]?.bytes ?? NOTHING, watched.commands)
  first.check(NOTHING, 'the buffer since then')
  check.ok(second.pending, 'the frame behind it waits')
  client.pin.start()
  client.pin.capture(captured(1, 64))
  await client.pin.settled()
  second.checkComplete(captured(1, 64), 'the frame behind it')
  first.check(NOTHING, 'the buffer after another frame')
  await client.close()
}

/** The bytes that were reported are right, and behind the entry that the device was busy with there are none. */
function checkPart({ check }: Context, used: number, bytes: Uint8Array, begun: readonly Segments[]): void {
  const ends = begun.map((_, at) => begun.slice(0, at + 1).reduce((sum, { size }) => sum + size, 0))
  check.ok(ends.includes(used) && used < LONG, `DataUsed is that of whole entries, but not of all: ${used}`)
  check.bytes(bytes.subarray(0, used), captured(0, LONG).subarray(0, used), 'the bytes that were reported')
  check.filled(bytes.subarray(ends.at(-1)), GUARD_BYTE, 'the entries that were not begun')
}

/** @param open the minidriver under test; those of a laboratory's own can be put in its place */
export const captureCases = (open: OpenCapture): readonly Case[] => [
  {
    id: 'ks/capture-fills-frames-in-order',
    title:
      'a capture pin streams frames of odd sizes into the queued ones, in order: every byte is in place, and none beside',
    rules: ['KSM-014', 'KSM-020', 'KSM-021', 'KSM-023', 'KSM-037', 'KSM-044'],
    needs: ['engine'],
    run: async (context) => {
      const sizes = [PAGE_SIZE + 905, 1, 333]
      const client = new CaptureClient(context, open, SPLIT)
      const buffers = sizes.map((size) => client.queue(size))
      await client.pin.run(framesOf(sizes))
      context.check.equal(client.pin.dropped, 0, 'frames that were dropped')
      buffers.forEach((buffer, number) => buffer.checkComplete(captured(number, sizes[number] ?? 0), `frame ${number}`))
      await client.close()
    },
  },
  {
    id: 'ks/capture-leaves-the-tail-alone',
    title:
      'of a frame that is shorter than the queued one the tail stays as it was, DataUsed says how much there is, and one that is longer is cut off',
    rules: ['KSM-020', 'KSM-037', 'KSM-044'],
    needs: ['engine'],
    run: async (context) => {
      const client = new CaptureClient(context, open, SPLIT)
      const sizes = [PAGE_SIZE - 99, 0, PAGE_SIZE]
      const buffers = [LONG, PAGE_SIZE, PAGE_SIZE - 1000].map((extent) => client.queue(extent))
      await client.pin.run(framesOf(sizes))
      const arrived = [PAGE_SIZE - 99, 0, PAGE_SIZE - 1000]
      buffers.forEach((buffer, number) => {
        const frame = captured(number, sizes[number] ?? 0).subarray(0, arrived[number])
        buffer.checkComplete(frame, `frame ${number}`)
      })
      await client.close()
    },
  },
  {
    id: 'ks/capture-cancelled-frame-is-left-by-the-device',
    title: 'a frame that is cancelled while the device fills it is its client’s only when the device is at rest',
    rules: ['KSM-041', 'KSM-046', 'KSM-047'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi } = context
      let ended: boolean | undefined
      await endEarly({ context, open }, STATUS_CANCELLED, (_, first) => (ended = ddi.ks.IoCancelIrp(first.irp)))
      check.equal(ended, true, 'IoCancelIrp')
    },
  },
  {
    id: 'ks/capture-cancellation-causes-no-fault',
    title: 'when the mappings of a cancelled frame are gone, the device asks for none of them',
    rules: ['KSM-047'],
    needs: ['engine', 'faults'],
    run: async (context) => {
      const { check, ddi, device, signal } = context
      using watch = await device.faults.watch(signal)
      await endEarly({ context, open }, STATUS_CANCELLED, (_, first) => void ddi.ks.IoCancelIrp(first.irp))
      const fault = await watch.next({ timeoutMs: FAULT_TIMEOUT_MS, signal })
      check.absent(fault, 'a fault of the device')
    },
  },
  {
    id: 'ks/capture-skips-what-was-cancelled',
    title: 'a frame that was cancelled in the queue gets nothing: the device fills the one behind it',
    rules: ['KSM-041'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi } = context
      const client = new CaptureClient(context, open)
      const [first, second] = [client.queue(64), client.queue(65)]
      check.ok(ddi.ks.IoCancelIrp(first.irp), 'IoCancelIrp')
      await client.pin.run(framesOf([65]))
      check.equal(first.irp.IoStatus.Status, STATUS_CANCELLED, 'status of the first frame')
      first.check(NOTHING, 'the first frame')
      second.checkComplete(captured(0, 65), 'the second frame')
      await client.close()
    },
  },
  {
    id: 'ks/capture-stops-with-frames-in-flight',
    title:
      'a pin that is stopped completes its frames with what they have when the device is at rest, and keeps what is queued',
    rules: ['KSM-037', 'KSM-044', 'KSM-047'],
    needs: ['engine'],
    run: async (context) => {
      let stopped: Promise<void> | undefined
      await endEarly({ context, open }, STATUS_SUCCESS, (client) => void (stopped = client.pin.stop()))
      await stopped
    },
  },
  {
    id: 'ks/capture-drops-what-finds-no-frame',
    title:
      'frames wait in the queue for a device that is slow; what a fast one has while none is queued is lost, and comes to no later frame',
    rules: ['KSM-040', 'KSM-044'],
    needs: ['engine'],
    run: async (context) => {
      const { check } = context
      const client = new CaptureClient(context, open)
      const [first, second] = [client.queue(64), client.queue(64)]
      check.ok(first.pending && second.pending, 'both wait for the device')
      await client.pin.run(framesOf([64]))
      first.checkComplete(captured(0, 64), 'the first frame')
      check.ok(second.pending, 'the second frame waits for the device')
      second.check(NOTHING, 'the second frame while it waits')
      await client.pin.run(framesOf([63, 62, 61]))
      second.checkComplete(captured(0, 63), 'the second frame')
      check.equal(client.pin.dropped, 2, 'frames that were dropped')
      const third = client.queue(64)
      client.pin.capture(captured(9, 60))
      await client.pin.settled()
      third.checkComplete(captured(9, 60), 'a frame that was queued later')
      await client.close()
    },
  },
  {
    id: 'ks/capture-fills-frames-side-by-side',
    title:
      'two frames are in flight on two channels: each gets its own bytes, and the end of one is none of the other’s',
    rules: ['KSM-042', 'KSM-044', 'KSM-046', 'KSM-047'],
    needs: ['engine', 'channels'],
    run: async (context) => {
      const { check, ddi } = context
      const client = new CaptureClient(context, open, SPLIT)
      const buffers = [LONG, PAGE_SIZE + 1, 700].map((extent) => client.queue(extent))
      await client.pin.run(framesOf([LONG - 1, PAGE_SIZE, 700]))
      const sizes = [LONG - 1, PAGE_SIZE, 700]
      buffers.forEach((buffer, number) => buffer.checkComplete(captured(number, sizes[number] ?? 0), `frame ${number}`))
      const [cancelled, other] = [client.queue(LONG, (buffer) => buffer.clear()), client.queue(LONG)]
      check.ok(client.pin.capture(captured(3, LONG)) && client.pin.capture(captured(4, LONG)), 'both are taken')
      check.ok(cancelled.pending && other.pending && client.pin.inFlight === 2, 'both are in flight')
      check.ok(ddi.ks.IoCancelIrp(cancelled.irp), 'IoCancelIrp')
      await client.pin.settled()
      other.checkComplete(captured(4, LONG), 'the frame beside the cancelled one')
      cancelled.check(NOTHING, 'the cancelled frame')
      await client.close()
    },
  },
  {
    id: 'ks/capture-hands-over-whole-tables',
    title: 'a device that takes lists gets all entries of a frame in one command, one descriptor an entry',
    rules: ['KSM-020', 'KSM-021', 'KSM-023'],
    needs: ['engine', 'lists'],
    run: async (context) => {
      const { check, ddi, engine } = context
      const entries: number[] = []
      const watched = new WatchedEngine(engine, () => {
        entries.push(ddi.ks.KsPinGetFirstCloneStreamPointer(client.pin.pin)?.OffsetOut.Count ?? 0)
      })
      const client = new CaptureClient(context, open, { ...SPLIT, engine: watched })
      const buffer = client.queue(LONG)
      await client.pin.run(framesOf([LONG - 7]))
      const [count = 0] = entries
      const descriptors = watched.commands.reduce((sum, { count }) => sum + count, 0)
      check.ok(count > 2, `the frame has several entries: ${count}`)
      check.equal(descriptors, count, 'descriptors')
      check.equal(watched.commands.length, Math.ceil(count / engine.abilities.listLength), 'commands')
      buffer.checkComplete(captured(0, LONG - 7), 'the frame')
      await client.close()
    },
  },
]
