import { type PhysicalAddress, type Va, physicalAddress, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import {
  INTERFACE_TYPE,
  KIRQL,
  KPROCESSOR_MODE,
  MEMORY_CACHING_TYPE,
  MM_PAGE_PRIORITY,
  type Out,
} from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { DeviceDescription } from '../../../ddi/dma/description.ts'
import type { ScatterGatherList } from '../../../ddi/dma/scatter-gather-list.ts'
import { DEVICE_DESCRIPTION } from '../../../ddi/layout/x64.ts'
import { type Mdl, MmGetMdlVirtualAddress } from '../../../ddi/mm/mdl.ts'
import type { Context } from '../../context.ts'

/** What cases do over and over, the way a driver would: by DDIs only. */

export const ZERO = physicalAddress(0n)
export const ANYWHERE = physicalAddress(0xffff_ffff_ffff_ffffn)
export const NO_ADDRESS = va(0n)
export const { MmNonCached, MmCached, MmWriteCombined } = MEMORY_CACHING_TYPE
export const { KernelMode, UserMode } = KPROCESSOR_MODE
export const { NormalPagePriority } = MM_PAGE_PRIORITY

export interface Window {
  readonly low?: PhysicalAddress
  readonly high?: PhysicalAddress
  readonly skip?: PhysicalAddress
  readonly flags?: number
}

/** MmAllocatePagesForMdlEx that must succeed. */
export function allocate({ ddi, check }: Context, bytes: number, window: Window = {}): Mdl {
  const { low = ZERO, high = ANYWHERE, skip = ZERO, flags = 0 } = window
  return check.present(ddi.mm.MmAllocatePagesForMdlEx(low, high, skip, bytes, MmCached, flags), 'pages for an MDL')
}

/** Both steps of giving an MDL back (MDL-123). */
export function release({ ddi }: Context, mdl: Mdl): void {
  ddi.mm.MmFreePagesFromMdl(mdl)
  ddi.mm.ExFreePool(mdl)
}

/** Leaves something in every free page, as if others had used it. */
export function spoilFreePages(context: Context): void {
  release(context, allocate(context, 0x1_0000_0000 - PAGE_SIZE))
}

/** A kernel-mode view that must succeed. */
export function mapSystem({ ddi, check }: Context, mdl: Mdl, type: number = MmCached): Va {
  const address = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, KernelMode, type, NO_ADDRESS, false, NormalPagePriority)
  return check.present(address, 'a system mapping')
}

/** A description as a bus master with scatter/gather fills it: zeroed first (DMA-010). */
export function describeBusMaster({ kernel, device }: Context, maximumLength: number): DeviceDescription {
  const description = kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
  description.set('Version', 3)
  description.set('Master', 1)
  description.set('ScatterGather', 1)
  description.set('InterfaceType', INTERFACE_TYPE.PCIBus)
  description.set('DmaAddressWidth', device.dma.capabilities.addressBits)
  description.set('MaximumLength', maximumLength)
  return description
}

/** A DMA adapter for transfers of up to `maximumLength` bytes. */
export function openAdapter(context: Context, maximumLength = 64 * PAGE_SIZE): DmaAdapter {
  const description = describeBusMaster(context, maximumLength)
  const adapter = context.ddi.dma.IoGetDmaAdapter(undefined, description, {})
  context.kernel.pool.free(description.address)
  return context.check.present(adapter, 'a DMA adapter')
}

export interface ListRequest {
  readonly offset?: number
  readonly length: number
  readonly writeToDevice: boolean
}

/** GetScatterGatherList at DISPATCH_LEVEL; the status and, on success, the list. */
export function getList(
  { kernel }: Context,
  adapter: DmaAdapter,
  mdl: Mdl,
  { offset = 0, length, writeToDevice }: ListRequest,
): { readonly status: number; readonly list: ScatterGatherList | undefined } {
  const got: Out<ScatterGatherList> = {}
  const status = kernel.at(KIRQL.DISPATCH_LEVEL, () =>
    adapter.GetScatterGatherList(
      undefined,
      mdl,
      va(MmGetMdlVirtualAddress(mdl) + BigInt(offset)),
      length,
      (_device, _irp, list) => void (got.value = list),
      undefined,
      writeToDevice,
    ),
  )
  return { status, list: got.value }
}

/** A list that must be had. */
export function mustGetList(context: Context, adapter: DmaAdapter, mdl: Mdl, request: ListRequest): ScatterGatherList {
  const { status, list } = getList(context, adapter, mdl, request)
  context.check.equal(status, 0, 'GetScatterGatherList')
  return context.check.present(list, 'the list in the routine')
}

export function putList(
  { kernel }: Context,
  adapter: DmaAdapter,
  list: ScatterGatherList,
  writeToDevice: boolean,
): void {
  kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.PutScatterGatherList(list, writeToDevice))
}
