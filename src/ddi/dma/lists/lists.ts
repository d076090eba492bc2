import type { Va } from '../../../base/address.ts'
import { runAll } from '../../../base/disposal.ts'
import { ProbarError } from '../../../base/errors.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { KIRQL, type Out } from '../../constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../mm/mdl.ts'
import type { Begun, ChannelRequest } from '../channel/channel.ts'
import type { TransferContext } from '../channel/transfer-contexts.ts'
import { ScatterGatherList } from '../scatter-gather-list.ts'
import { type AdapterState, enter } from '../state.ts'
import { type BufferRange, rangeOf } from '../transfer/buffer-range.ts'
import { type MappedRange, mapRange } from '../transfer/mapped-range.ts'
import { ulong } from '../ulong.ts'
import { violate } from '../violation.ts'
import { type ListMemory, callersMemory, countElements, isWhole, listSize, writeList } from './list-bytes.ts'
import type { LiveList } from './live-lists.ts'
import { requirementsOf } from './requirements.ts'

/** Called at DISPATCH_LEVEL with the list (DMA-022). */
export type DRIVER_LIST_CONTROL = (
  DeviceObject: unknown,
  Irp: undefined,
  ScatterGather: ScatterGatherList,
  Context: unknown,
) => void

/** What the routines for lists have in common. */
export interface ListRequest {
  readonly routine: string
  readonly deviceObject: unknown
  readonly mdl: Mdl
  /** Bytes from the start of the first MDL's buffer. */
  readonly offset: number
  readonly length: number
  readonly writeToDevice: boolean
  readonly execution: DRIVER_LIST_CONTROL | null
  readonly context: unknown
  /** The caller's, or none for the system's. */
  readonly buffer?: ListMemory
  /** Does not wait for what is not free (DMA-029). */
  readonly synchronous?: boolean
  readonly transferContext?: TransferContext
  readonly list?: Out<ScatterGatherList> | null
}

/**
 * CurrentVa as an offset into the first MDL.
 * @throws BugCheck 0xE6/0x1F with 1 in front of it, 2 behind it (VER-007)
 */
function offsetOf({ kernel }: AdapterState, routine: string, mdl: Mdl, currentVa: Va): number {
  const offset = Number(currentVa - MmGetMdlVirtualAddress(mdl))
  const side = offset < 0 ? 1n : 2n
  if (offset >= 0 && offset < MmGetMdlByteCount(mdl)) return offset
  const text = `CurrentVa is ${side === 1n ? 'in front of' : 'behind'} the first MDL`
  return violate(kernel, { rule: 'VER-007', routine, text, parameters: [0x1f, side] })
}

/** @throws BugCheck 0xE6/0x21 for no bytes, 0xE6/0x1F with 4 or 5 for a start or a length that is not aligned (VER-007) */
export function checkBytes(
  { kernel, platform }: AdapterState,
  routine: string,
  start: number | bigint,
  length: number,
): void {
  const violation = (text: string, parameters: readonly [number, ...bigint[]]): never =>
    violate(kernel, { rule: 'VER-007', routine, text, parameters })
  const first = typeof start === 'bigint' ? start : BigInt(ulong(start, 'Offset'))
  if (ulong(length, 'Length') === 0) violation('zero length', [0x21])
  if (first % BigInt(platform.alignment) !== 0n) violation('the buffer’s start is not aligned', [0x1f, 4n])
  if (length % platform.alignment !== 0) violation('the buffer’s length is not aligned', [0x1f, 5n])
}

/** Maps the range and hands its list over, at once or as soon as channel and map registers are there. */
export function requestList(state: AdapterState, request: ListRequest): NtStatus {
  const range = rangeOf(state, request.routine, request.mdl, request.offset, request.length)
  if (range.length < request.length) return NtStatus.STATUS_BUFFER_TOO_SMALL
  const registers = range.frames.length
  if (!hasRoom(state, request, range)) return NtStatus.STATUS_BUFFER_TOO_SMALL
  if (exceedsMapRegisters(state, registers)) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  if (!state.scatterGather && request.length > state.platform.longestElement)
    return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  const queued: ChannelRequest = {
    deviceObject: request.deviceObject,
    registers,
    begin: () => begin(state, request, range),
    // Pages that go away while the request waits would be somebody else's when the device gets them.
    wait: (change) => {
      for (const { mdl } of range.pieces) state.mm.countList(mdl, change)
    },
  }
  if (request.transferContext !== undefined) request.transferContext.request = queued
  const begun = state.channel.submit(queued, request.synchronous === true)
  return begun === 'failed' ? NtStatus.STATUS_INSUFFICIENT_RESOURCES : NtStatus.STATUS_SUCCESS
}

/** The caller's buffer takes the list, wherever the domain puts the range. */
const hasRoom = (state: AdapterState, { buffer }: ListRequest, range: BufferRange): boolean =>
  buffer === undefined || buffer.data.byteLength >= requirementsOf(state, range).listSize

/** The channel is released when the routine returns; without a routine it is the caller's (DMA-022, DMA-029). */
function begin(state: AdapterState, request: ListRequest, range: BufferRange): Begun {
  const list = mappedList(state, request, range)
  if (list === undefined) return 'failed'
  if (request.list) request.list.value = list
  if (request.execution === null) return 'kept'
  request.execution(request.deviceObject, undefined, list, request.context)
  return 'released'
}

/** The registers go back when the routine is not reached: nobody has them then. */
function mappedList(state: AdapterState, request: ListRequest, range: BufferRange): ScatterGatherList | undefined {
  try {
    requireOwnBuffer(state, request)
    const mapped = mapRange(state, range, request.writeToDevice)
    const list = mapped && writtenList(state, mapped, request)
    if (list === undefined) mapped?.abandon()
    return list
  } catch (error) {
    state.pool.give(range.frames.length)
    throw error
  }
}

/** @throws CallerError for a buffer in which a list lives: the device's access to that one could not be ended (DMA-026) */
function requireOwnBuffer({ kernel, lists }: AdapterState, { routine, buffer }: ListRequest): void {
  if (buffer === undefined) return
  const [start, size] = [Number(buffer.address), buffer.data.byteLength]
  for (const { bytes, elements } of lists.values()) {
    const other = Number(bytes.address)
    if (start < other + listSize(elements) && other < start + size) {
      kernel.ledger.raise({ rule: 'DMA-026', routine, text: 'a list that was not put back is in the buffer' })
    }
  }
}

function writtenList(state: AdapterState, mapped: MappedRange, request: ListRequest): ScatterGatherList | undefined {
  const bytes: ListMemory | undefined =
    request.buffer ?? state.kernel.pool.allocate(listSize(countElements(state, mapped)))
  if (bytes === undefined) return undefined
  const elements = writeList(state, mapped, bytes)
  const { writeToDevice } = request
  state.lists.set(bytes.address, { bytes, elements, mapped, writeToDevice, ofPool: request.buffer === undefined })
  return new ScatterGatherList(bytes)
}

/** What the description asked for and the platform could not grant is a shortage of the platform. */
export function exceedsMapRegisters({ kernel, domain, mapRegisters, wanted }: AdapterState, pages: number): boolean {
  if (pages <= mapRegisters) return false
  if (pages <= wanted && pages > domain.capabilities.maxEntries) {
    const why = `a transfer of ${pages} pages may need as many mappings, and the platform has ${mapRegisters} at once`
    const mend = 'raise the module parameter vfio_iommu_type1.dma_entry_limit, or use the back end iommufd'
    kernel.shortages.note(new ProbarError('dma-entries-exhausted', `${why}: ${mend}`))
  }
  return true
}

/** The documented parameters that Get and Build have in common. */
export interface ListByVa {
  readonly DeviceObject: unknown
  readonly Mdl: Mdl
  readonly CurrentVa: Va
  readonly Length: number
  readonly ExecutionRoutine: DRIVER_LIST_CONTROL
  readonly Context: unknown
  readonly WriteToDevice: boolean
}

/** GetScatterGatherList. */
export function getScatterGatherList(state: AdapterState, request: ListByVa): NtStatus {
  const routine = 'GetScatterGatherList'
  enter(state, { routine, since: 1, rule: 'DMA-021', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  return requestList(state, byOffset(state, routine, request))
}

/** For AVStream: a list of the first bytes of the MDL, or a refusal. */
export function listAtOnce(
  state: AdapterState,
  mdl: Mdl,
  length: number,
  writeToDevice: boolean,
  list: Out<ScatterGatherList>,
): NtStatus {
  const routine = 'KsStreamPointerLock'
  enter(state, { routine, since: 1, rule: 'DMA-021', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  checkBytes(state, routine, MmGetMdlVirtualAddress(mdl), length)
  // The channel is free again when the routine returns.
  const execution = (): void => undefined
  const what = { routine, deviceObject: undefined, mdl, offset: 0, length, writeToDevice, context: undefined }
  return requestList(state, { ...what, execution, synchronous: true, list })
}

/** BuildScatterGatherList: the caller's memory, in the place of the system's. */
export function buildScatterGatherList(
  state: AdapterState,
  request: ListByVa,
  buffer: { readonly address: Va; readonly length: number },
): NtStatus {
  const routine = 'BuildScatterGatherList'
  enter(state, { routine, since: 2, rule: 'DMA-026', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  const bytes = callersMemory(state.kernel, routine, buffer.address, buffer.length)
  return requestList(state, { ...byOffset(state, routine, request), buffer: bytes })
}

function byOffset(state: AdapterState, routine: string, request: ListByVa): ListRequest {
  const { Mdl, CurrentVa, Length } = request
  checkBytes(state, routine, CurrentVa, Length)
  return {
    routine,
    deviceObject: request.DeviceObject,
    mdl: Mdl,
    offset: offsetOf(state, routine, Mdl, CurrentVa),
    length: Length,
    writeToDevice: request.WriteToDevice,
    execution: request.ExecutionRoutine,
    context: request.Context,
  }
}

/** PutScatterGatherList. */
export function putScatterGatherList(state: AdapterState, list: ScatterGatherList, writeToDevice: boolean): void {
  const routine = 'PutScatterGatherList'
  const { kernel } = state
  enter(state, { routine, since: 1, rule: 'DMA-025', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  const live = state.lists.get(list.address)
  if (live === undefined) {
    violate(kernel, { rule: 'VER-002', routine, text: 'the list was put before', parameters: [0x06] })
  }
  if (live.writeToDevice !== writeToDevice) {
    kernel.ledger.raise({ rule: 'DMA-025', routine, text: 'the direction is not that of the list' })
  }
  if (!isWhole(live.bytes, live.elements)) {
    kernel.ledger.raise({ rule: 'DMA-002', routine, text: 'what the system keeps behind the elements was overwritten' })
  }
  takeBack(state, live)
}

/** Ends the device's access, then frees the list. */
export function takeBack(state: AdapterState, live: LiveList): void {
  const { bytes, mapped, ofPool } = live
  state.lists.delete(bytes.address)
  runAll([
    () => mapped.end(),
    () => {
      if (ofPool) state.kernel.pool.free(bytes.address)
    },
    () => state.pool.give(mapped.pages),
  ])
}
