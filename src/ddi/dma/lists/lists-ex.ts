import type { Va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { DMA_SYNCHRONOUS_CALLBACK, KIRQL, type Out } from '../../constants.ts'
import type { Mdl } from '../../mm/mdl.ts'
import type { TransferContext } from '../channel/transfer-contexts.ts'
import type { ScatterGatherList } from '../scatter-gather-list.ts'
import { type AdapterState, enter } from '../state.ts'
import { rangeOf } from '../transfer/buffer-range.ts'
import { type ListMemory, callersMemory } from './list-bytes.ts'
import { type DRIVER_LIST_CONTROL, checkBytes, requestList } from './lists.ts'

/** GetScatterGatherListEx and BuildScatterGatherListEx by their documented parameters. */
export interface ListExRequest {
  readonly routine: string
  readonly DeviceObject: unknown
  readonly DmaTransferContext: Va
  readonly Mdl: Mdl
  readonly Offset: number
  readonly Length: number
  readonly Flags: number
  readonly ExecutionRoutine: DRIVER_LIST_CONTROL | null
  readonly Context: unknown
  readonly WriteToDevice: boolean
  readonly buffer?: { readonly address: Va; readonly length: number }
  readonly DmaCompletionRoutine: null
  readonly CompletionContext: null
  readonly ScatterGatherList: Out<ScatterGatherList> | null
}

/**
 * The Ex forms (DMA-029). Which level each may be called at differs: only Build is for DISPATCH_LEVEL alone.
 * @returns STATUS_INVALID_PARAMETER for a range outside of the chain, another flag, or outputs that are missing
 */
export function requestListEx(state: AdapterState, request: ListExRequest, lowest: KIRQL): NtStatus {
  const { routine, Mdl, Offset, Length, Flags, ExecutionRoutine, ScatterGatherList } = request
  enter(state, { routine, since: 3, rule: 'DMA-029', highest: KIRQL.DISPATCH_LEVEL, lowest })
  const transferContext = contextOf(state, routine, request.DmaTransferContext)
  checkBytes(state, routine, Offset, Length)
  const synchronous = (Flags & DMA_SYNCHRONOUS_CALLBACK) !== 0
  const answered = ExecutionRoutine !== null || (synchronous && ScatterGatherList !== null)
  const inside = rangeOf(state, routine, Mdl, Offset, Length).length === Length
  if (!answered || !inside || !areKnownFlags(Flags) || hasCompletion(request)) return NtStatus.STATUS_INVALID_PARAMETER
  if (transferContext.cancelled) return NtStatus.STATUS_CANCELLED
  const { buffer } = request
  const bytes: ListMemory | undefined =
    buffer === undefined ? undefined : callersMemory(state.kernel, routine, buffer.address, buffer.length)
  return requestList(state, {
    routine,
    deviceObject: request.DeviceObject,
    mdl: Mdl,
    offset: Offset,
    length: Length,
    writeToDevice: request.WriteToDevice,
    execution: ExecutionRoutine,
    context: request.Context,
    synchronous,
    transferContext,
    list: ScatterGatherList,
    ...(bytes === undefined ? {} : { buffer: bytes }),
  })
}

/** Bus masters have no completion routine (DMA-044). */
const hasCompletion = ({ DmaCompletionRoutine, CompletionContext }: ListExRequest): boolean =>
  DmaCompletionRoutine !== null || CompletionContext !== null

export const areKnownFlags = (flags: number): boolean => (flags & ~DMA_SYNCHRONOUS_CALLBACK) === 0

/** @throws CallerError for a context that was not initialised, or is another request's (DMA-029) */
export function contextOf({ kernel, contexts, channel }: AdapterState, routine: string, address: Va): TransferContext {
  const context = contexts.at(address)
  if (context === undefined) {
    const text = 'InitializeDmaTransferContext was not called for the DMA transfer context'
    return kernel.ledger.raise({ rule: 'DMA-029', routine, text })
  }
  if (context.request !== undefined && channel.has(context.request)) {
    kernel.ledger.raise({ rule: 'DMA-029', routine, text: 'the DMA transfer context is another request’s' })
  }
  return context
}
