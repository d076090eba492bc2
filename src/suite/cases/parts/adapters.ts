import { type Va, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL, type Out } from '../../../ddi/constants.ts'
import type { DmaAdapter } from '../../../ddi/dma/adapter.ts'
import type { DRIVER_LIST_CONTROL } from '../../../ddi/dma/lists/lists.ts'
import type { DmaPlatform } from '../../../ddi/dma/platform.ts'
import type { ScatterGatherList } from '../../../ddi/dma/scatter-gather-list.ts'
import type { Mdl } from '../../../ddi/mm/mdl.ts'
import type { Context } from '../../context.ts'
import { type ListRequest, describeBusMaster } from './buffers.ts'

/** DMA adapters other than that of a bus master with scatter/gather, and what only some of them offer. */

/** Members of a DEVICE_DESCRIPTION. */
export type Described = Partial<
  Record<'Version' | 'Master' | 'ScatterGather' | 'Dma32BitAddresses' | 'Dma64BitAddresses' | 'DmaAddressWidth', number>
>

/** IoGetDmaAdapter for a bus master that is described otherwise, and the map registers that it tells. */
export function askAdapter(
  context: Context,
  members: Described = {},
  maximumLength = 64 * PAGE_SIZE,
): { readonly adapter: DmaAdapter | null; readonly registers: number | undefined } {
  const { ddi, kernel } = context
  const description = describeBusMaster(context, maximumLength)
  for (const [name, value] of Object.entries(members)) description.set(name as keyof Described, value)
  const registers: Out<number> = {}
  try {
    return { adapter: ddi.dma.IoGetDmaAdapter(undefined, description, registers), registers: registers.value }
  } finally {
    kernel.pool.free(description.address)
  }
}

/** One that must be had. */
export function openDescribed(context: Context, members: Described, maximumLength?: number): DmaAdapter {
  return context.check.present(askAdapter(context, members, maximumLength).adapter, 'a DMA adapter')
}

/** What adapters meet from now on. */
export function setPlatform({ ddi }: Context, settings: Partial<DmaPlatform>): void {
  Object.assign(ddi.dma.platform, settings)
}

export function atDispatch<T>({ kernel }: Context, act: () => T): T {
  return kernel.at(KIRQL.DISPATCH_LEVEL, act)
}

/** Nonpaged memory of the driver's own, until it frees it. */
export function driverBuffer({ check, kernel }: Context, bytes: number): Va {
  return check.present(kernel.pool.allocate(bytes), 'pool for the driver').address
}

/** A DMA transfer context, initialised. */
export function transferContext(context: Context, adapter: DmaAdapter): Va {
  const address = driverBuffer(context, 128)
  context.check.equal(adapter.InitializeDmaTransferContext(address), 0, 'InitializeDmaTransferContext')
  return address
}

/** What the routine was called with, in order. */
export function collecting(): { readonly lists: ScatterGatherList[]; readonly routine: DRIVER_LIST_CONTROL } {
  const lists: ScatterGatherList[] = []
  return { lists, routine: (_device, _irp, list) => void lists.push(list) }
}

/** BuildScatterGatherList at DISPATCH_LEVEL; the status and, on success, the list. */
export function buildList(
  context: Context,
  adapter: DmaAdapter,
  mdl: Mdl,
  { offset = 0, length, writeToDevice }: ListRequest,
  buffer: { readonly address: Va; readonly size: number },
): { readonly status: number; readonly list: ScatterGatherList | undefined } {
  const { lists, routine } = collecting()
  const { address, size } = buffer
  const status = atDispatch(context, () =>
    adapter.BuildScatterGatherList(
      undefined,
      mdl,
      va(offset),
      length,
      routine,
      undefined,
      writeToDevice,
      address,
      size,
    ),
  )
  return { status, list: lists[0] }
}
