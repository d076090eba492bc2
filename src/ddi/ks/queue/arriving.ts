import { NtStatus } from '../../../base/ntstatus.ts'
import { MM_PAGE_PRIORITY } from '../../constants.ts'
import { ulong } from '../../dma/ulong.ts'
import { Struct } from '../../layout/struct.ts'
import { KSSTREAM_HEADER } from '../../layout/x64-ks.ts'
import { type Mdl, MmGetMdlByteCount } from '../../mm/mdl.ts'
import { isSink } from '../pin.ts'
import type { StreamHeader } from '../pointers/stream-pointer.ts'
import type { KsState } from '../state.ts'
import { type ClientFrame, type CompletionRoutine, StreamIrp } from '../stream-irp.ts'
import type { Cursor, PendingIrp, Queue } from './queue.ts'

/**
 * Puts the frames of one request at the end of the queue.
 * @returns the IRP, which is complete with STATUS_INSUFFICIENT_RESOURCES already when there is no memory for it
 * @throws CallerError for a request that no client could make (KSM-023, KSM-037)
 */
export function arrive(
  state: KsState,
  queue: Queue,
  frames: readonly ClientFrame[],
  completed: CompletionRoutine,
): StreamIrp {
  if (queue.closing) refuse(state, 'KSM-040', 'the pin is being closed')
  checkFrames(state, queue, frames)
  const irp = new StreamIrp()
  const pending = pendingIrp(state, irp, frames, completed)
  if (pending === undefined) {
    irp.IoStatus.Status = NtStatus.STATUS_INSUFFICIENT_RESOURCES
    completed(irp)
    return irp
  }
  queue.irps.set(irp, pending)
  frames.forEach((frame, index) => enqueue(queue, pending, frame, index))
  return irp
}

function enqueue(queue: Queue, irp: PendingIrp, { Mdl, FrameExtent, DataUsed = 0 }: ClientFrame, index: number): void {
  const header = irp.headers[index]
  if (header === undefined) return
  const length = isSink(queue.pin) ? DataUsed : FrameExtent
  const number = queue.arrived++
  const clones = new Set<Cursor>()
  const frame = { irp, number, header, mdl: Mdl, extent: FrameExtent, length, table: undefined, clones }
  queue.frames.add(frame)
  irp.frames.add(frame)
}

/** Its headers in the kernel's memory, each with the system's view of its data (KSM-003). */
function pendingIrp(
  state: KsState,
  irp: StreamIrp,
  frames: readonly ClientFrame[],
  completed: CompletionRoutine,
): PendingIrp | undefined {
  const views = frames.map(({ Mdl }) => viewOf(state, Mdl))
  const block = views.includes(null) ? undefined : state.kernel.pool.allocate(frames.length * KSSTREAM_HEADER.size)
  if (block === undefined) return undefined
  const headers = frames.map((frame, index) => {
    const header = new Struct(KSSTREAM_HEADER, block, index * KSSTREAM_HEADER.size)
    fill(header, frame, views[index] ?? 0n)
    state.headers.set(header.address, header)
    return header
  })
  const mdls = frames.flatMap(({ Mdl }) => (Mdl === null ? [] : [Mdl]))
  irp.MdlAddress = mdls[0] ?? null
  const chained = chain(mdls)
  return { irp, block, frames: new Set(), locks: 0, headers, mdls, chained, completed, status: NtStatus.STATUS_SUCCESS }
}

function fill(header: StreamHeader, { FrameExtent, DataUsed = 0, OptionsFlags = 0 }: ClientFrame, data: bigint): void {
  header.set('Size', KSSTREAM_HEADER.size)
  header.set('PresentationTime.Numerator', 1)
  header.set('PresentationTime.Denominator', 1)
  header.set('FrameExtent', FrameExtent)
  header.set('DataUsed', DataUsed)
  header.set('Data', data)
  header.set('OptionsFlags', OptionsFlags)
}

/** 0 for a frame without data; null when the system has no room for a view. */
function viewOf({ mm }: KsState, mdl: Mdl | null): bigint | null {
  return mdl === null ? 0n : mm.MmGetSystemAddressForMdlSafe(mdl, MM_PAGE_PRIORITY.NormalPagePriority)
}

/** One after the other by Next, as an IRP has them (MDL-025); the client gets them back as they were. */
function chain(mdls: readonly Mdl[]): PendingIrp['chained'] {
  if (mdls.length < 2) return []
  const before = mdls.map((mdl) => ({ mdl, next: mdl.header.get('Next') }))
  mdls.forEach((mdl, index) => mdl.header.set('Next', mdls[index + 1]?.address ?? 0n))
  return before
}

const ROUTINE = 'queueFrames'

const refuse = ({ kernel }: KsState, rule: string, text: string): never =>
  kernel.ledger.raise({ rule, routine: ROUTINE, text })

function checkFrames(state: KsState, { pin }: Queue, frames: readonly ClientFrame[]): void {
  if (frames.length === 0) refuse(state, 'KSM-044', 'the request has no frame')
  const mdls = frames.flatMap(({ Mdl }) => (Mdl === null ? [] : [Mdl]))
  for (const mdl of mdls) state.mm.require(ROUTINE, mdl)
  if (new Set(mdls).size < mdls.length) refuse(state, 'KSM-023', 'two frames of the request have one MDL')
  for (const { Mdl, FrameExtent, DataUsed = 0 } of frames) {
    const room = Mdl === null ? 0 : MmGetMdlByteCount(Mdl)
    const limit = isSink(pin) ? FrameExtent : 0
    if (ulong(FrameExtent, 'FrameExtent') > room) {
      refuse(state, 'KSM-023', `a frame of ${FrameExtent} bytes has memory for ${room}`)
    }
    if (ulong(DataUsed, 'DataUsed') > limit) refuse(state, 'KSM-037', `DataUsed is ${DataUsed}, of at most ${limit}`)
  }
}
