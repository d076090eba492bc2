import { type Va, va } from '../../base/address.ts'
import { undoAfter } from '../../base/disposal.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { NtStatusError } from '../../base/errors.ts'
import { KPROCESSOR_MODE, MEMORY_CACHING_TYPE, MM_PAGE_PRIORITY, type Out } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Process } from '../kernel/processes.ts'
import type { Struct } from '../layout/struct.ts'
import { KSRTAUDIO_BUFFER } from '../layout/x64-portcls.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray } from '../mm/mdl.ts'
import type { Mm } from '../mm/mm.ts'
import { type IMiniportWaveRTStream, hasNotifications } from './interfaces.ts'
import type { PortWaveRTStream } from './port-wave-rt-stream.ts'

export interface BufferRequest {
  /** Bytes. */
  readonly RequestedBufferSize: number
  /** Of each turn: 1 at the end, 2 in the middle and at the end (WRT-040); none unless told. */
  readonly NotificationCount?: number
  /** Into which the buffer is mapped; the current one unless told. */
  readonly process?: Process
}

/** A buffer that a miniport allocated, and the port mapped into its client. */
export interface PinBuffer {
  /** KSRTAUDIO_BUFFER, as the client gets it; BufferAddress is the first byte of the buffer in the client. */
  readonly description: Struct<typeof KSRTAUDIO_BUFFER>
  readonly mdl: Mdl
  /** Bytes. */
  readonly actualSize: number
  /** Of the buffer's first byte in the MDL's first page. */
  readonly offset: number
  readonly cacheType: MEMORY_CACHING_TYPE
  readonly process: Process
  readonly notifies: boolean
}

export interface BufferParts {
  readonly kernel: Kernel
  readonly mm: Mm
  readonly port: PortWaveRTStream
  readonly stream: IMiniportWaveRTStream
}

interface Answer {
  readonly mdl: Out<Mdl>
  readonly actualSize: Out<number>
  readonly offset: Out<number>
  readonly cacheType: Out<MEMORY_CACHING_TYPE>
}

const routine = 'AllocateAudioBuffer'
/** WRT-030 */
const DOCUMENTED: readonly number[] = [
  NtStatus.STATUS_SUCCESS,
  NtStatus.STATUS_UNSUCCESSFUL,
  NtStatus.STATUS_INSUFFICIENT_RESOURCES,
  NtStatus.STATUS_DEVICE_NOT_READY,
]
const CACHE_TYPES: readonly number[] = Object.values(MEMORY_CACHING_TYPE)

/**
 * Has the miniport allocate a buffer, looks whether it keeps to its contract, and maps the buffer into the client with the
 * caching type that it reported.
 * @throws CallerError WRT-030 to WRT-033, WRT-040 when the miniport does not; the buffer is given back to it then
 */
export async function allocateBuffer(
  parts: BufferParts,
  request: BufferRequest,
  buffer: Out<PinBuffer>,
): Promise<NtStatus> {
  const { kernel, stream } = parts
  const { RequestedBufferSize: size, NotificationCount: count } = request
  const answer: Answer = { mdl: {}, actualSize: {}, offset: {}, cacheType: {} }
  const outputs = [answer.mdl, answer.actualSize, answer.offset, answer.cacheType] as const
  if (count !== undefined && count !== 1 && count !== 2) return NtStatus.STATUS_INVALID_PARAMETER
  if (!Number.isInteger(size) || size <= 0 || size > 0xffff_ffff) return NtStatus.STATUS_INVALID_PARAMETER
  if (count !== undefined && !hasNotifications(stream)) return NtStatus.STATUS_NOT_SUPPORTED
  const status =
    count !== undefined && hasNotifications(stream)
      ? await stream.AllocateBufferWithNotification(count, size, ...outputs)
      : await stream.AllocateAudioBuffer(size, ...outputs)
  const requireDocumented = (): void => {
    if (DOCUMENTED.includes(status)) return
    kernel.ledger.raise({ rule: 'WRT-030', routine, text: `the miniport returned 0x${status.toString(16)}` })
  }
  if (!NT_SUCCESS(status)) {
    requireDocumented()
    return status
  }
  try {
    requireDocumented()
    buffer.value = mapped(parts, request, checked(parts, size, answer))
    return NtStatus.STATUS_SUCCESS
  } catch (error) {
    if (answer.mdl.value !== undefined) {
      await giveBack(stream, answer.mdl.value, answer.actualSize.value ?? 0, count !== undefined)
    }
    if (error instanceof NtStatusError) return error.status
    throw error
  }
}

/** Takes the client's view away, and gives the buffer back to the miniport. */
export async function freeBuffer({ kernel, mm, stream }: BufferParts, buffer: PinBuffer): Promise<void> {
  const { description, mdl, actualSize, process, offset, notifies } = buffer
  const page = va(description.get('BufferAddress') - BigInt(offset))
  // The view of a process that has ended went with it.
  if (kernel.processes.ownerOf(page) === process) kernel.in(process, () => mm.MmUnmapLockedPages(page, mdl))
  kernel.pool.free(description.address)
  await giveBack(stream, mdl, actualSize, notifies)
}

async function giveBack(stream: IMiniportWaveRTStream, mdl: Mdl, size: number, notifies: boolean): Promise<void> {
  if (notifies && hasNotifications(stream)) await stream.FreeBufferWithNotification(mdl, size)
  else await stream.FreeAudioBuffer(mdl, size)
}

type Checked = Pick<PinBuffer, 'mdl' | 'actualSize' | 'offset' | 'cacheType'>

/** @throws CallerError for what a miniport must not answer */
function checked({ kernel, port }: BufferParts, requested: number, answer: Answer): Checked {
  const raise = (rule: string, text: string): never => kernel.ledger.raise({ rule, routine, text })
  const { mdl, actualSize, offset, cacheType } = answer
  if (mdl.value === undefined || actualSize.value === undefined || offset.value === undefined)
    return raise('WRT-030', 'the miniport succeeded and left an output parameter as it was')
  if (cacheType.value === undefined || !CACHE_TYPES.includes(cacheType.value))
    return raise('WRT-033', `the miniport reported the caching type ${cacheType.value}`)
  if (!port.allocated.includes(mdl.value)) return raise('WRT-013', 'the MDL is none of the port’s')
  if (!Number.isInteger(actualSize.value) || actualSize.value < requested)
    return raise('WRT-031', `ActualSize is ${actualSize.value}, requested were ${requested} bytes`)
  const bytes = MmGetMdlByteCount(mdl.value)
  if (
    !Number.isInteger(offset.value) ||
    offset.value < 0 ||
    offset.value >= PAGE_SIZE ||
    offset.value + actualSize.value > bytes
  )
    return raise('WRT-032', `${actualSize.value} bytes at ${offset.value} are not inside the MDL’s ${bytes}`)
  return { mdl: mdl.value, actualSize: actualSize.value, offset: offset.value, cacheType: cacheType.value }
}

function mapped(parts: BufferParts, request: BufferRequest, buffer: Checked): PinBuffer {
  const { kernel } = parts
  const process = request.process ?? kernel.processes.current
  clearMargins(kernel, buffer)
  // Before the view: where the pool has no room, there is none to take away again.
  const description = kernel.pool.allocateStruct(KSRTAUDIO_BUFFER)
  let page: Va
  try {
    page = mapForUser(parts, process, buffer)
  } catch (error) {
    return undoAfter(error, [() => kernel.pool.free(description.address)])
  }
  description.set('BufferAddress', page + BigInt(buffer.offset))
  description.set('ActualBufferSize', buffer.actualSize)
  description.set('CallMemoryBarrier', buffer.cacheType === MEMORY_CACHING_TYPE.MmWriteCombined ? 1 : 0)
  return { ...buffer, description, process, notifies: request.NotificationCount !== undefined }
}

/** @throws NtStatusError as MmMapLockedPagesSpecifyCache does in UserMode */
function mapForUser({ kernel, mm }: BufferParts, process: Process, { mdl, cacheType }: Checked): Va {
  const { UserMode } = KPROCESSOR_MODE
  const priority = MM_PAGE_PRIORITY.NormalPagePriority | MM_PAGE_PRIORITY.MdlMappingNoExecute
  const map = () => mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, cacheType, va(0n), false, priority)
  return kernel.in(process, map) ?? kernel.ledger.raise({ rule: 'MDL-079', routine, text: 'a user view is never NULL' })
}

/** What lies before and behind the buffer in its pages belongs to no one, and a client sees it: zeros (WRT-032, MDL-089). */
function clearMargins({ frames }: Kernel, { mdl, offset, actualSize }: Checked): void {
  const pages = MmGetMdlPfnArray(mdl)
  const clear = (from: number, to: number): void => {
    const frame = frames.indexOf(Number(pages[Math.floor(from / PAGE_SIZE)] ?? 0n))
    if (frame !== undefined && to > from)
      frames.write(frame * PAGE_SIZE + (from % PAGE_SIZE), new Uint8Array(to - from))
  }
  clear(0, offset)
  const end = offset + actualSize
  for (let from = end; from < pages.length * PAGE_SIZE;) {
    const to = (Math.floor(from / PAGE_SIZE) + 1) * PAGE_SIZE
    clear(from, to)
    from = to
  }
}
