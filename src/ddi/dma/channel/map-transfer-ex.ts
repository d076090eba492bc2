import type { Va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { KIRQL, type Out } from '../../constants.ts'
import type { Mdl } from '../../mm/mdl.ts'
import { type ListMemory, bytesOfElements, callersMemory, elementsIn, writeList } from '../lists/list-bytes.ts'
import { checkBytes } from '../lists/lists.ts'
import { type AdapterState, enter } from '../state.ts'
import { type BufferRange, firstBytes, firstPages, rangeOf } from '../transfer/buffer-range.ts'
import { type MappedRange, mapRange } from '../transfer/mapped-range.ts'
import { violate } from '../violation.ts'
import type { MapRegisters } from './map-registers.ts'
import { flush, requireRegisters } from './packet.ts'

/** MapTransferEx by its documented parameters. */
export interface MapTransferExRequest {
  readonly Mdl: Mdl
  readonly MapRegisterBase: MapRegisters
  /** Bytes from the start of the chain. */
  readonly Offset: number
  readonly DeviceOffset: number
  readonly Length: Required<Out<number>>
  readonly WriteToDevice: boolean
  readonly ScatterGatherBuffer: Va
  readonly ScatterGatherBufferLength: number
  readonly DmaCompletionRoutine: null
  readonly CompletionContext: null
}

const ROUTINE = 'MapTransferEx'

/**
 * As much of the chain as map registers and buffer have room for: a short mapping is a success (DMA-043, ERR-26).
 * @throws BugCheck 0xE6/0x0D when the mapping before was not flushed (DMA-044, VER-006), 0xE6/0x24 for a range beyond the
 *   chain (VER-007)
 */
export function mapTransferEx(state: AdapterState, request: MapTransferExRequest): NtStatus {
  const { kernel } = state
  enter(state, { routine: ROUTINE, since: 3, rule: 'DMA-043', highest: KIRQL.DISPATCH_LEVEL })
  const { MapRegisterBase: base, Length, Offset } = request
  requireRegisters(state, ROUTINE, base, 'DMA-043')
  if (base.context?.cancelled === true) return NtStatus.STATUS_CANCELLED
  if (base.used > 0) {
    const text = 'the mapping before was not flushed'
    violate(kernel, { rule: 'VER-006', routine: ROUTINE, text, parameters: [0x0d] })
  }
  if (!isBusMasters(request) || elementsIn(request.ScatterGatherBufferLength) < 1)
    return NtStatus.STATUS_INVALID_PARAMETER
  checkBytes(state, ROUTINE, Offset, Length.value)
  const range = rangeOf(state, ROUTINE, request.Mdl, Offset, Length.value)
  if (range.length < Length.value) {
    const missing = BigInt(Length.value - range.length)
    violate(kernel, {
      rule: 'VER-007',
      routine: ROUTINE,
      text: `${missing} bytes are not there`,
      parameters: [0x24, missing],
    })
  }
  const buffer = callersMemory(kernel, ROUTINE, request.ScatterGatherBuffer, request.ScatterGatherBufferLength)
  const mapped = mapWithRoom(state, firstPages(range, base.count), buffer, request.WriteToDevice)
  if (mapped === undefined) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  const { Mdl: mdl, WriteToDevice: writeToDevice } = request
  base.transfers.push({ mdl, offset: Offset, length: mapped.length, writeToDevice, mapped })
  Length.value = mapped.length
  return NtStatus.STATUS_SUCCESS
}

/** Bus masters have no offset in the device and no completion routine (DMA-044). */
const isBusMasters = ({ DeviceOffset, DmaCompletionRoutine, CompletionContext }: MapTransferExRequest): boolean =>
  DeviceOffset === 0 && DmaCompletionRoutine === null && CompletionContext === null

/** Shorter each time, until its elements have room. */
function mapWithRoom(
  state: AdapterState,
  range: BufferRange,
  buffer: ListMemory,
  writeToDevice: boolean,
): MappedRange | undefined {
  const room = elementsIn(buffer.data.byteLength)
  for (let part = range; ;) {
    const mapped = mapRange(state, part, writeToDevice)
    if (mapped === undefined || writeList(state, mapped, buffer) <= room) return mapped
    mapped.abandon()
    part = firstBytes(part, bytesOfElements(buffer, room))
  }
}

/** FlushAdapterBuffersEx. @throws as `flush` */
export function flushAdapterBuffersEx(
  state: AdapterState,
  mdl: Mdl,
  base: MapRegisters,
  offset: number,
  length: number,
  writeToDevice: boolean,
): NtStatus {
  const routine = 'FlushAdapterBuffersEx'
  enter(state, { routine, since: 3, rule: 'DMA-045', highest: KIRQL.DISPATCH_LEVEL })
  requireRegisters(state, routine, base, 'DMA-045')
  flush(state, routine, base, { mdl, offset, length, writeToDevice })
  return NtStatus.STATUS_SUCCESS
}
