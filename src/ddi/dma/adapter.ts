import type { BusAddress, Va } from '../../base/address.ts'
import type { NtStatus } from '../../base/ntstatus.ts'
import {
  DOMAIN_COMMON_BUFFER_LARGE_PAGE,
  type IO_ALLOCATION_ACTION,
  KIRQL,
  MEMORY_CACHING_TYPE,
  type Out,
} from '../constants.ts'
import type { Struct } from '../layout/struct.ts'
import type { DMA_ADAPTER_INFO, DMA_TRANSFER_INFO } from '../layout/x64.ts'
import type { Mdl } from '../mm/mdl.ts'
import {
  type DRIVER_CONTROL,
  allocateAdapterChannel,
  allocateAdapterChannelEx,
  cancelAdapterChannel,
  cancelMappedTransfer,
  freeAdapterChannel,
  freeAdapterObject,
  freeMapRegisters,
  initializeDmaTransferContext,
} from './channel/allocate-channel.ts'
import type { MapRegisters } from './channel/map-registers.ts'
import { flushAdapterBuffersEx, mapTransferEx } from './channel/map-transfer-ex.ts'
import { flushAdapterBuffers, getDmaAlignment, mapTransfer } from './channel/packet.ts'
import { ANYWHERE, allocateCommonBuffer, freeCommonBuffer } from './common-buffer/common-buffers.ts'
import { createCommonBufferFromMdl } from './common-buffer/from-mdl.ts'
import { requestListEx } from './lists/lists-ex.ts'
import {
  type DRIVER_LIST_CONTROL,
  buildScatterGatherList,
  getScatterGatherList,
  listAtOnce,
  putScatterGatherList,
} from './lists/lists.ts'
import { calculateScatterGatherList, getDmaAdapterInfo, getDmaTransferInfo } from './lists/requirements.ts'
import type { ScatterGatherList } from './scatter-gather-list.ts'
import type { AdapterState } from './state.ts'

/**
 * A DMA_ADAPTER and the operations that its DMA_OPERATIONS names, by their names and documented parameters but the
 * adapter itself (rules, section 7). Addresses come from the device's domain, never from page numbers. What each does
 * stands in the file of its subject. Every operation checks first that the adapter is alive (VER-008), that its version
 * has the operation (DMA-010), and the IRQL (VER-009).
 */
export class DmaAdapter {
  /** Of its DMA_ADAPTER structure. */
  readonly address: Va
  readonly #state: AdapterState

  constructor(address: Va, state: AdapterState) {
    this.address = address
    this.#state = state
  }

  /** Bits of the addresses that it hands out (DMA-012). */
  get addressWidth(): number {
    return this.#state.addressWidth
  }

  /** Map registers of one operation, one a page (DMA-013). */
  get mapRegisters(): number {
    return this.#state.mapRegisters
  }

  /** It is that of a bus master which takes lists (KSM-010). */
  get scatterGather(): boolean {
    return this.#state.master && this.#state.scatterGather
  }

  /** Lists that were not put back. */
  get lists(): number {
    return this.#state.lists.size
  }

  /** True until the list is put back, or goes with the adapter. */
  owns(list: ScatterGatherList): boolean {
    return this.#state.lists.has(list.address)
  }

  /** Bytes of which starts and lengths of buffers are multiples (DMA-015). */
  GetDmaAlignment(): number {
    return getDmaAlignment(this.#state)
  }

  /**
   * Maps [CurrentVa, CurrentVa + Length) of the chain for the device and hands the list to the routine, at once or as soon
   * as there are map registers (DMA-020 to DMA-024). The mapping lives until PutScatterGatherList and grants the one
   * direction only.
   * @param CurrentVa a position in the first MDL, counted from its virtual address
   * @returns STATUS_SUCCESS, STATUS_INSUFFICIENT_RESOURCES or STATUS_BUFFER_TOO_SMALL
   */
  GetScatterGatherList(
    DeviceObject: unknown,
    Mdl: Mdl,
    CurrentVa: Va,
    Length: number,
    ExecutionRoutine: DRIVER_LIST_CONTROL,
    Context: unknown,
    WriteToDevice: boolean,
  ): NtStatus {
    const request = { DeviceObject, Mdl, CurrentVa, Length, ExecutionRoutine, Context, WriteToDevice }
    return getScatterGatherList(this.#state, request)
  }

  /**
   * As GetScatterGatherList from the start of the MDL, for AVStream's tables: what is not free at once is refused, for no
   * lock of a stream pointer waits (KSM-026).
   */
  listAtOnce(Mdl: Mdl, Length: number, WriteToDevice: boolean, List: Out<ScatterGatherList>): NtStatus {
    return listAtOnce(this.#state, Mdl, Length, WriteToDevice, List)
  }

  /**
   * As GetScatterGatherList, into the caller's memory, which the caller frees after PutScatterGatherList (DMA-026).
   * @param ScatterGatherBuffer aligned to 8 bytes
   * @param ScatterGatherLength bytes, as CalculateScatterGatherList or GetDmaTransferInfo tells (DMA-002)
   * @returns STATUS_BUFFER_TOO_SMALL for less, too
   */
  BuildScatterGatherList(
    DeviceObject: unknown,
    Mdl: Mdl,
    CurrentVa: Va,
    Length: number,
    ExecutionRoutine: DRIVER_LIST_CONTROL,
    Context: unknown,
    WriteToDevice: boolean,
    ScatterGatherBuffer: Va,
    ScatterGatherLength: number,
  ): NtStatus {
    const request = { DeviceObject, Mdl, CurrentVa, Length, ExecutionRoutine, Context, WriteToDevice }
    return buildScatterGatherList(this.#state, request, { address: ScatterGatherBuffer, length: ScatterGatherLength })
  }

  /**
   * What a list takes, at any IRQL (DMA-027).
   * @param Mdl the chain, for what its frames need; null for the worst case of the range
   */
  CalculateScatterGatherList(
    Mdl: Mdl | null,
    CurrentVa: Va,
    Length: number,
    ScatterGatherListSize: Out<number>,
    NumberOfMapRegisters: Out<number> | null,
  ): NtStatus {
    return calculateScatterGatherList(this.#state, Mdl, CurrentVa, Length, ScatterGatherListSize, NumberOfMapRegisters)
  }

  /**
   * Ends the device's access, then frees the list if the system allocated it (DMA-025). What the device wrote into bounce
   * pages is in the buffer only now.
   * @param WriteToDevice as it was for the list
   */
  PutScatterGatherList(ScatterGather: ScatterGatherList, WriteToDevice: boolean): void {
    putScatterGatherList(this.#state, ScatterGather, WriteToDevice)
  }

  /**
   * GetScatterGatherList by an offset into the chain (DMA-029). With DMA_SYNCHRONOUS_CALLBACK it does not wait, and
   * without a routine the list comes by the last parameter; channel and list are the caller's then, until
   * PutScatterGatherList and FreeAdapterObject.
   * @param Offset bytes; with Length inside the chain
   * @returns also STATUS_INVALID_PARAMETER, and STATUS_CANCELLED for a context that was cancelled
   */
  GetScatterGatherListEx(
    DeviceObject: unknown,
    DmaTransferContext: Va,
    Mdl: Mdl,
    Offset: number,
    Length: number,
    Flags: number,
    ExecutionRoutine: DRIVER_LIST_CONTROL | null,
    Context: unknown,
    WriteToDevice: boolean,
    DmaCompletionRoutine: null,
    CompletionContext: null,
    ScatterGatherList: Out<ScatterGatherList> | null,
  ): NtStatus {
    const where = { DeviceObject, DmaTransferContext, Mdl, Offset, Length, Flags, WriteToDevice, ScatterGatherList }
    const routines = { ExecutionRoutine, Context, DmaCompletionRoutine, CompletionContext }
    const request = { routine: 'GetScatterGatherListEx', ...where, ...routines }
    return requestListEx(this.#state, request, KIRQL.PASSIVE_LEVEL)
  }

  /** GetScatterGatherListEx into the caller's memory (DMA-026, DMA-029). */
  BuildScatterGatherListEx(
    DeviceObject: unknown,
    DmaTransferContext: Va,
    Mdl: Mdl,
    Offset: number,
    Length: number,
    Flags: number,
    ExecutionRoutine: DRIVER_LIST_CONTROL | null,
    Context: unknown,
    WriteToDevice: boolean,
    ScatterGatherBuffer: Va,
    ScatterGatherLength: number,
    DmaCompletionRoutine: null,
    CompletionContext: null,
    ScatterGatherList: Out<ScatterGatherList> | null,
  ): NtStatus {
    const where = { DeviceObject, DmaTransferContext, Mdl, Offset, Length, Flags, WriteToDevice, ScatterGatherList }
    const routines = { ExecutionRoutine, Context, DmaCompletionRoutine, CompletionContext }
    const buffer = { address: ScatterGatherBuffer, length: ScatterGatherLength }
    const request = { routine: 'BuildScatterGatherListEx', ...where, ...routines, buffer }
    return requestListEx(this.#state, request, KIRQL.DISPATCH_LEVEL)
  }

  /** What a transfer takes (DMA-002). @param TransferInfo with Version 1. @returns STATUS_NOT_SUPPORTED for another */
  GetDmaTransferInfo(
    Mdl: Mdl,
    Offset: number,
    Length: number,
    _WriteOnly: boolean,
    TransferInfo: Struct<typeof DMA_TRANSFER_INFO>,
  ): NtStatus {
    return getDmaTransferInfo(this.#state, Mdl, Offset, Length, TransferInfo)
  }

  /** What the adapter has (DMA-010). @param AdapterInfo with Version 1. @returns STATUS_NOT_SUPPORTED for another */
  GetDmaAdapterInfo(AdapterInfo: Struct<typeof DMA_ADAPTER_INFO>): NtStatus {
    return getDmaAdapterInfo(this.#state, AdapterInfo)
  }

  /** @param DmaTransferContext DMA_TRANSFER_CONTEXT_SIZE_V1 bytes of the caller's, one for each request (DMA-029) */
  InitializeDmaTransferContext(DmaTransferContext: Va): NtStatus {
    return initializeDmaTransferContext(this.#state, DmaTransferContext)
  }

  /**
   * Calls the routine once the channel and the map registers are there (DMA-040, VER-005).
   * @returns STATUS_INSUFFICIENT_RESOURCES for more registers than granted, where DMA is not verified
   */
  AllocateAdapterChannel(
    DeviceObject: unknown,
    NumberOfMapRegisters: number,
    ExecutionRoutine: DRIVER_CONTROL,
    Context: unknown,
  ): NtStatus {
    return allocateAdapterChannel(this.#state, DeviceObject, NumberOfMapRegisters, ExecutionRoutine, Context)
  }

  /** Without a routine, with DMA_SYNCHRONOUS_CALLBACK: registers by the last parameter, until FreeAdapterObject (DMA-040). */
  AllocateAdapterChannelEx(
    DeviceObject: unknown,
    DmaTransferContext: Va,
    NumberOfMapRegisters: number,
    Flags: number,
    ExecutionRoutine: DRIVER_CONTROL | null,
    ExecutionContext: unknown,
    MapRegisterBase: Out<MapRegisters> | null,
  ): NtStatus {
    const how = { Flags, ExecutionRoutine, ExecutionContext, MapRegisterBase }
    return allocateAdapterChannelEx(this.#state, { DeviceObject, DmaTransferContext, NumberOfMapRegisters, ...how })
  }

  /** Frees the channel that a routine kept, and its map registers (VER-002, VER-006). */
  FreeAdapterChannel(): void {
    freeAdapterChannel(this.#state)
  }

  /** Frees what a synchronous call without a routine got (DMA-029). */
  FreeAdapterObject(AllocationAction: IO_ALLOCATION_ACTION): void {
    freeAdapterObject(this.#state, AllocationAction)
  }

  /** @param NumberOfMapRegisters as many as were allocated (DMA-040); after the flush (VER-006) */
  FreeMapRegisters(MapRegisterBase: MapRegisters, NumberOfMapRegisters: number): void {
    freeMapRegisters(this.#state, MapRegisterBase, NumberOfMapRegisters)
  }

  /**
   * Maps one contiguous piece of the MDL (DMA-041).
   * @param CurrentVa an index into the MDL
   * @param Length bytes; comes back as those that were mapped, on a device with scatter/gather. 0 when the platform has no
   *   mapping left, for which no status is documented
   * @returns the logical address
   */
  MapTransfer(
    Mdl: Mdl,
    MapRegisterBase: MapRegisters,
    CurrentVa: Va,
    Length: Required<Out<number>>,
    WriteToDevice: boolean,
  ): BusAddress {
    return mapTransfer(this.#state, Mdl, MapRegisterBase, CurrentVa, Length, WriteToDevice)
  }

  /**
   * Maps as much of the chain as map registers and buffer have room for (DMA-043, ERR-26).
   * @param DeviceOffset 0 for a bus master (DMA-044)
   * @param Length bytes; comes back as those that were mapped
   * @param DmaCompletionRoutine null for a bus master (DMA-044)
   */
  MapTransferEx(
    Mdl: Mdl,
    MapRegisterBase: MapRegisters,
    Offset: number,
    DeviceOffset: number,
    Length: Required<Out<number>>,
    WriteToDevice: boolean,
    ScatterGatherBuffer: Va,
    ScatterGatherBufferLength: number,
    DmaCompletionRoutine: null,
    CompletionContext: null,
  ): NtStatus {
    const where = { Mdl, MapRegisterBase, Offset, DeviceOffset, Length, WriteToDevice }
    const buffer = { ScatterGatherBuffer, ScatterGatherBufferLength }
    return mapTransferEx(this.#state, { ...where, ...buffer, DmaCompletionRoutine, CompletionContext })
  }

  /** Ends the mapping of what MapTransfer mapped, by the same position, length and direction (DMA-045). */
  FlushAdapterBuffers(
    Mdl: Mdl,
    MapRegisterBase: MapRegisters,
    CurrentVa: Va,
    Length: number,
    WriteToDevice: boolean,
  ): boolean {
    return flushAdapterBuffers(this.#state, Mdl, MapRegisterBase, CurrentVa, Length, WriteToDevice)
  }

  /** Ends the mapping of MapTransferEx, by the same offset, length and direction (DMA-044, DMA-045). */
  FlushAdapterBuffersEx(
    Mdl: Mdl,
    MapRegisterBase: MapRegisters,
    Offset: number,
    Length: number,
    WriteToDevice: boolean,
  ): NtStatus {
    return flushAdapterBuffersEx(this.#state, Mdl, MapRegisterBase, Offset, Length, WriteToDevice)
  }

  /** Nothing more is mapped under the context; what is mapped is flushed all the same (DMA-044). */
  CancelMappedTransfer(DmaTransferContext: Va): NtStatus {
    return cancelMappedTransfer(this.#state, DmaTransferContext)
  }

  /**
   * Memory for CPU and device at once, adjacent on the bus (DMA-050). Only Length bytes are the caller's: with DMA verified
   * guards stand on both sides of them (VER-004).
   * @param LogicalAddress what goes into the device
   * @param CacheEnabled ignored (DMA-051)
   * @returns its address, or null
   */
  AllocateCommonBuffer(Length: number, LogicalAddress: Out<BusAddress>, CacheEnabled: boolean): Va | null {
    const request = { length: Length, bounds: ANYWHERE, cacheEnabled: CacheEnabled, largePage: false }
    return allocateCommonBuffer(this.#state, { routine: 'AllocateCommonBuffer', since: 1 }, request, LogicalAddress)
  }

  /** @param MaximumAddress exclusive (DMA-053); null for none. @param _PreferredNode there is one node */
  AllocateCommonBufferEx(
    MaximumAddress: bigint | null,
    Length: number,
    LogicalAddress: Out<BusAddress>,
    CacheEnabled: boolean,
    _PreferredNode: number,
  ): Va | null {
    const bounds = { ...ANYWHERE, maximum: MaximumAddress ?? ANYWHERE.maximum }
    const request = { length: Length, bounds, cacheEnabled: CacheEnabled, largePage: false }
    return allocateCommonBuffer(this.#state, { routine: 'AllocateCommonBufferEx', since: 3 }, request, LogicalAddress)
  }

  /**
   * @param MinimumAddress inclusive (DMA-053); null for none
   * @param MaximumAddress exclusive; null for none
   * @param Flags DOMAIN_COMMON_BUFFER_LARGE_PAGE rounds the length to 512 pages
   * @param CacheType MmNonCached or MmCached; null for the platform's
   * @returns null for another caching type, too
   */
  AllocateCommonBufferWithBounds(
    MinimumAddress: bigint | null,
    MaximumAddress: bigint | null,
    Length: number,
    Flags: number,
    CacheType: MEMORY_CACHING_TYPE | null,
    _PreferredNode: number,
    LogicalAddress: Out<BusAddress>,
  ): Va | null {
    const bounds = { minimum: MinimumAddress ?? 0n, maximum: MaximumAddress ?? ANYWHERE.maximum }
    const largePage = (Flags & DOMAIN_COMMON_BUFFER_LARGE_PAGE) !== 0
    const length = CacheType === null || CacheType <= MEMORY_CACHING_TYPE.MmCached ? Length : 0
    const request = { length, bounds, cacheEnabled: undefined, largePage }
    const entry = { routine: 'AllocateCommonBufferWithBounds', since: 3 } as const
    return allocateCommonBuffer(this.#state, entry, request, LogicalAddress)
  }

  /**
   * A common buffer of pages that the caller has (DMA-054): whole pages of one MDL with a system mapping.
   * @param ExtendedConfigsCount other than 0 is STATUS_NOT_SUPPORTED
   */
  CreateCommonBufferFromMdl(
    Mdl: Mdl,
    _ExtendedConfigs: null,
    ExtendedConfigsCount: number,
    LogicalAddress: Out<BusAddress>,
  ): NtStatus {
    return createCommonBufferFromMdl(this.#state, Mdl, ExtendedConfigsCount, LogicalAddress)
  }

  /** Every parameter as it was for the allocation, or as that gave it (DMA-052). */
  FreeCommonBuffer(Length: number, LogicalAddress: BusAddress, VirtualAddress: Va, CacheEnabled: boolean): void {
    freeCommonBuffer(this.#state, Length, LogicalAddress, VirtualAddress, CacheEnabled)
  }

  /** True when the request waited, or none was made under the context yet: its routine is not called then. */
  CancelAdapterChannel(_DeviceObject: unknown, DmaTransferContext: Va): boolean {
    return cancelAdapterChannel(this.#state, DmaTransferContext)
  }
}
