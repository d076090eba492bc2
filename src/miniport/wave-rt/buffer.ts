import { type Va, physicalAddress } from '../../base/address.ts'
import { runAll } from '../../base/disposal.ts'
import { INTERFACE_TYPE, KIRQL, type Out } from '../../ddi/constants.ts'
import type { DmaAdapter } from '../../ddi/dma/adapter.ts'
import type { Dma } from '../../ddi/dma/dma.ts'
import type { ScatterGatherList } from '../../ddi/dma/scatter-gather-list.ts'
import type { Kernel } from '../../ddi/kernel/kernel.ts'
import { DEVICE_DESCRIPTION } from '../../ddi/layout/x64.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../ddi/mm/mdl.ts'
import type { IPortWaveRTStream } from '../../ddi/portcls/interfaces.ts'
import type { Segments } from '../../device/segments.ts'

export interface BufferPlace {
  readonly kernel: Kernel
  readonly dma: Dma
  readonly port: IPortWaveRTStream
  /** Bits of the addresses that the device emits. */
  readonly addressBits: number
  /** Segments that it takes. */
  readonly listLength: number
  /** The device reads the buffer. */
  readonly plays: boolean
}

/**
 * Pages of the port (WRT-013) that the device reaches by a scatter/gather list: what GetPhysicalPageAddress tells leads
 * nowhere where DMA is remapped (WRT-020).
 */
export class CyclicPages {
  readonly mdl: Mdl
  readonly segments: Segments
  readonly #place: BufferPlace
  readonly #adapter: DmaAdapter
  readonly #list: ScatterGatherList

  private constructor(place: BufferPlace, mdl: Mdl, adapter: DmaAdapter, list: ScatterGatherList) {
    this.mdl = mdl
    this.segments = list.segments()
    this.#place = place
    this.#adapter = adapter
    this.#list = list
  }

  /** Scattered pages, or adjacent ones where the device takes no list that long; undefined where there are none. */
  static allocate(place: BufferPlace, bytes: number): CyclicPages | undefined {
    const { port, addressBits } = place
    const limit = physicalAddress((1n << BigInt(addressBits)) - 1n)
    const scattered = CyclicPages.#reach(place, port.AllocatePagesForMdl(limit, bytes), bytes)
    if (scattered !== undefined) return scattered
    return CyclicPages.#reach(place, port.AllocateContiguousPagesForMdl(physicalAddress(0n), limit, bytes), bytes)
  }

  /** The device is at rest. */
  free(): void {
    const { kernel, dma, port, plays } = this.#place
    runAll([
      () => kernel.at(KIRQL.DISPATCH_LEVEL, () => this.#adapter.PutScatterGatherList(this.#list, plays)),
      () => dma.PutDmaAdapter(this.#adapter),
      () => port.FreePagesFromMdl(this.mdl),
    ])
  }

  /** Frees the pages where they are too few (WRT-010), or too many for the device. */
  static #reach(place: BufferPlace, mdl: Mdl | null, bytes: number): CyclicPages | undefined {
    if (mdl === null) return undefined
    const adapter = MmGetMdlByteCount(mdl) < bytes ? null : newAdapter(place, bytes)
    const list = adapter === null ? undefined : listOf(place, adapter, mdl, bytes)
    if (adapter !== null && list !== undefined) {
      const pages = new CyclicPages(place, mdl, adapter, list)
      if (pages.segments.count <= place.listLength) return pages
      pages.free()
      return undefined
    }
    if (adapter !== null) place.dma.PutDmaAdapter(adapter)
    place.port.FreePagesFromMdl(mdl)
    return undefined
  }
}

/** @throws ProbarError out-of-memory without room for a description */
function newAdapter({ kernel, dma, addressBits }: BufferPlace, bytes: number): DmaAdapter | null {
  const description = kernel.pool.allocateStruct(DEVICE_DESCRIPTION)
  description.set('Version', 3)
  description.set('Master', 1)
  description.set('ScatterGather', 1)
  description.set('InterfaceType', INTERFACE_TYPE.PCIBus)
  description.set('DmaAddressWidth', addressBits)
  description.set('MaximumLength', bytes)
  try {
    return dma.IoGetDmaAdapter(undefined, description, {})
  } finally {
    kernel.pool.free(description.address)
  }
}

function listOf(
  { kernel, plays }: BufferPlace,
  adapter: DmaAdapter,
  mdl: Mdl,
  bytes: number,
): ScatterGatherList | undefined {
  const got: Out<ScatterGatherList> = {}
  const at: Va = MmGetMdlVirtualAddress(mdl)
  kernel.at(KIRQL.DISPATCH_LEVEL, () =>
    adapter.GetScatterGatherList(
      undefined,
      mdl,
      at,
      bytes,
      (_device, _irp, list) => void (got.value = list),
      undefined,
      plays,
    ),
  )
  return got.value
}

/** Bytes to which a buffer is rounded up: whole frames, and pieces that the device takes. */
export function granularity(alignment: number, frame: number): number {
  return (alignment / divisor(alignment, frame)) * frame
}

function divisor(one: number, other: number): number {
  return other === 0 ? one : divisor(other, one % other)
}
