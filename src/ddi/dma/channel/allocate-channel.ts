import type { Va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { DMA_SYNCHRONOUS_CALLBACK, IO_ALLOCATION_ACTION, KIRQL, type Out } from '../../constants.ts'
import { areKnownFlags, contextOf } from '../lists/lists-ex.ts'
import { exceedsMapRegisters } from '../lists/lists.ts'
import { type AdapterState, enter } from '../state.ts'
import { ulong } from '../ulong.ts'
import { violate } from '../violation.ts'
import type { Begun, ChannelRequest } from './channel.ts'
import { MapRegisters } from './map-registers.ts'
import type { TransferContext } from './transfer-contexts.ts'

/** Called at DISPATCH_LEVEL when channel and registers are there; tells what becomes of them (DMA-003, DMA-040). */
export type DRIVER_CONTROL = (
  DeviceObject: unknown,
  Irp: undefined,
  MapRegisterBase: MapRegisters,
  Context: unknown,
) => IO_ALLOCATION_ACTION

interface ChannelAsked {
  readonly routine: string
  readonly deviceObject: unknown
  readonly registers: number
  readonly execution: DRIVER_CONTROL | null
  readonly context: unknown
  readonly synchronous: boolean
  readonly transferContext?: TransferContext
  readonly base?: Out<MapRegisters> | null
}

/** AllocateAdapterChannel. */
export function allocateAdapterChannel(
  state: AdapterState,
  deviceObject: unknown,
  registers: number,
  execution: DRIVER_CONTROL,
  context: unknown,
): NtStatus {
  const routine = 'AllocateAdapterChannel'
  enter(state, { routine, since: 1, rule: 'DMA-040', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  return allocate(state, { routine, deviceObject, registers, execution, context, synchronous: false })
}

/** AllocateAdapterChannelEx by its documented parameters. */
export interface ChannelExRequest {
  readonly DeviceObject: unknown
  readonly DmaTransferContext: Va
  readonly NumberOfMapRegisters: number
  readonly Flags: number
  readonly ExecutionRoutine: DRIVER_CONTROL | null
  readonly ExecutionContext: unknown
  readonly MapRegisterBase: Out<MapRegisters> | null
}

/** Either a routine or, at once, the registers themselves: MapRegisterBase belongs to a call without a routine. */
export function allocateAdapterChannelEx(state: AdapterState, request: ChannelExRequest): NtStatus {
  const routine = 'AllocateAdapterChannelEx'
  enter(state, { routine, since: 3, rule: 'DMA-040', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  const { Flags, ExecutionRoutine, MapRegisterBase } = request
  const transferContext = contextOf(state, routine, request.DmaTransferContext)
  const synchronous = (Flags & DMA_SYNCHRONOUS_CALLBACK) !== 0
  const answered = ExecutionRoutine === null ? synchronous && MapRegisterBase !== null : MapRegisterBase === null
  if (!answered || !areKnownFlags(Flags)) return NtStatus.STATUS_INVALID_PARAMETER
  if (transferContext.cancelled) return NtStatus.STATUS_CANCELLED
  return allocate(state, {
    routine,
    deviceObject: request.DeviceObject,
    registers: request.NumberOfMapRegisters,
    execution: ExecutionRoutine,
    context: request.ExecutionContext,
    synchronous,
    transferContext,
    base: MapRegisterBase,
  })
}

/**
 * @throws BugCheck 0xE6/0x0B for a device object that has the channel or waits for it (VER-005), 0xE6/0x0C for more
 *   registers than IoGetDmaAdapter told, while DMA is verified; else they are STATUS_INSUFFICIENT_RESOURCES
 */
function allocate(state: AdapterState, asked: ChannelAsked): NtStatus {
  const { kernel, channel, mapRegisters, platform } = state
  const { routine, deviceObject, transferContext } = asked
  const registers = ulong(asked.registers, 'NumberOfMapRegisters')
  if (channel.serves(deviceObject)) {
    const text = 'the device object has the channel or waits for it: only one request of it may'
    violate(kernel, { rule: 'VER-005', routine, text, parameters: [0x0b, 1n] })
  }
  if (exceedsMapRegisters(state, registers)) {
    if (platform.verification) {
      const text = `${registers} map registers are asked for, and ${mapRegisters} were granted`
      violate(kernel, { rule: 'VER-005', routine, text, parameters: [0x0c, BigInt(registers), BigInt(mapRegisters)] })
    }
    return NtStatus.STATUS_INSUFFICIENT_RESOURCES
  }
  const request: ChannelRequest = { deviceObject, registers, begin: () => begin(state, asked) }
  if (transferContext !== undefined) transferContext.request = request
  const begun = channel.submit(request, asked.synchronous)
  return begun === 'failed' ? NtStatus.STATUS_INSUFFICIENT_RESOURCES : NtStatus.STATUS_SUCCESS
}

function begin(state: AdapterState, asked: ChannelAsked): Begun {
  const base = new MapRegisters(asked.registers, asked.transferContext)
  state.bases.add(base)
  state.channelBase = base
  if (asked.base) asked.base.value = base
  if (asked.execution === null) return 'kept'
  const action = asked.execution(asked.deviceObject, undefined, base, asked.context)
  return settle(state, asked.routine, base, action)
}

/** What the driver's routine said: a bus master keeps its registers, a slave of the DMA controller its channel. */
function settle(state: AdapterState, routine: string, base: MapRegisters, action: IO_ALLOCATION_ACTION): Begun {
  if (action === IO_ALLOCATION_ACTION.KeepObject) {
    if (!state.master) return 'kept'
    freeRegisters(state, routine, base)
    state.channelBase = undefined
    const text = 'the routine of a bus master keeps the channel: it returns DeallocateObjectKeepRegisters'
    return state.kernel.ledger.raise({ rule: 'DMA-040', routine, text })
  }
  const keeps = action === IO_ALLOCATION_ACTION.DeallocateObjectKeepRegisters
  if (!keeps) freeRegisters(state, routine, base)
  state.channelBase = undefined
  if (keeps || action === IO_ALLOCATION_ACTION.DeallocateObject) return 'released'
  const text = `the routine returned ${String(action)}, which is no IO_ALLOCATION_ACTION`
  return state.kernel.ledger.raise({ rule: 'DMA-040', routine, text })
}

/** FreeAdapterChannel: the channel, and its map registers with it. */
export function freeAdapterChannel(state: AdapterState): void {
  const routine = 'FreeAdapterChannel'
  enter(state, { routine, since: 1, rule: 'DMA-040', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  freeChannel(state, routine, true)
}

/** FreeAdapterObject: what a synchronous call without a routine got (DMA-029). */
export function freeAdapterObject(state: AdapterState, action: IO_ALLOCATION_ACTION): void {
  const routine = 'FreeAdapterObject'
  enter(state, { routine, since: 3, rule: 'DMA-029', highest: KIRQL.DISPATCH_LEVEL })
  if (action === IO_ALLOCATION_ACTION.KeepObject) return
  freeChannel(state, routine, action === IO_ALLOCATION_ACTION.DeallocateObject)
}

function freeChannel(state: AdapterState, routine: string, withRegisters: boolean): void {
  const { kernel, channel, channelBase } = state
  if (!channel.held) violate(kernel, { rule: 'VER-002', routine, text: 'the channel is free', parameters: [0x04, 1n] })
  if (withRegisters && channelBase !== undefined) freeRegisters(state, routine, channelBase)
  state.channelBase = undefined
  channel.release()
}

/** FreeMapRegisters (DMA-040). */
export function freeMapRegisters(state: AdapterState, base: MapRegisters, count: number): void {
  const routine = 'FreeMapRegisters'
  const { kernel, bases } = state
  enter(state, { routine, since: 1, rule: 'DMA-040', highest: KIRQL.DISPATCH_LEVEL, lowest: KIRQL.DISPATCH_LEVEL })
  const extra = bases.has(base) ? ulong(count, 'NumberOfMapRegisters') - base.count : count
  if (extra > 0) {
    const text = `${extra} map registers are freed that are not allocated`
    violate(kernel, { rule: 'VER-002', routine, text, parameters: [0x05, BigInt(extra)] })
  }
  if (extra < 0) {
    kernel.ledger.raise({ rule: 'DMA-040', routine, text: `${base.count} map registers were allocated, not ${count}` })
  }
  freeRegisters(state, routine, base)
}

/** @throws BugCheck 0xE6/0x10 while some are mapped (VER-006) */
function freeRegisters({ kernel, bases, pool }: AdapterState, routine: string, base: MapRegisters): void {
  if (base.used > 0) {
    const text = `${base.used} map registers are still mapped: FlushAdapterBuffers comes first`
    violate(kernel, { rule: 'VER-006', routine, text, parameters: [0x10, BigInt(base.used)] })
  }
  bases.delete(base)
  pool.give(base.count)
}

/** CancelAdapterChannel: a request that waits, or the next one under this context. */
export function cancelAdapterChannel(state: AdapterState, address: Va): boolean {
  const routine = 'CancelAdapterChannel'
  enter(state, { routine, since: 3, rule: 'DMA-029', highest: KIRQL.DISPATCH_LEVEL })
  const context = state.contexts.at(address)
  if (context === undefined) return state.kernel.ledger.raise(notInitialized(routine))
  if (context.request !== undefined && !state.channel.withdraw(context.request)) return false
  context.request = undefined
  context.cancelled = true
  return true
}

/** CancelMappedTransfer: no more transfers under this context; what is mapped is still flushed (DMA-044). */
export function cancelMappedTransfer(state: AdapterState, address: Va): NtStatus {
  const routine = 'CancelMappedTransfer'
  enter(state, { routine, since: 3, rule: 'DMA-044', highest: KIRQL.DISPATCH_LEVEL })
  const context = state.contexts.at(address)
  if (context === undefined) return state.kernel.ledger.raise(notInitialized(routine))
  const mapped = [...state.bases].some((base) => base.context === context && base.used > 0)
  if (!mapped) return NtStatus.STATUS_UNSUCCESSFUL
  context.cancelled = true
  return NtStatus.STATUS_SUCCESS
}

const notInitialized = (routine: string) => ({
  rule: 'DMA-029',
  routine,
  text: 'InitializeDmaTransferContext was not called for the DMA transfer context',
})

/** InitializeDmaTransferContext: DMA_TRANSFER_CONTEXT_SIZE_V1 bytes of the caller's. */
export function initializeDmaTransferContext(state: AdapterState, address: Va): NtStatus {
  const routine = 'InitializeDmaTransferContext'
  enter(state, { routine, since: 3, rule: 'DMA-029', highest: KIRQL.DISPATCH_LEVEL })
  state.contexts.initialize(address)
  return NtStatus.STATUS_SUCCESS
}
