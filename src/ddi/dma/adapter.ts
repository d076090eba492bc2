import type { Va } from '../../base/address.ts'
import { ProbarError, codeOf } from '../../base/errors.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/pages.ts'
import type { DmaAccess, DmaDomain, Mapping } from '../../device/contract.ts'
import { unmapWhole } from '../../device/unmap-whole.ts'
import { KIRQL } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress, ADDRESS_AND_SIZE_TO_SPAN_PAGES } from '../mm/mdl.ts'
import type { Mm } from '../mm/mm.ts'
import { ScatterGatherList } from './scatter-gather-list.ts'

export interface AdapterParts {
  readonly kernel: Kernel
  readonly mm: Mm
  readonly domain: DmaDomain
  /** Bits of the device's addresses, from its description. */
  readonly addressWidth: number
  readonly mapRegisters: number
  /** Map registers that the description asks for: more than were granted where the platform has few mappings. */
  readonly wanted: number
}

/** Called at DISPATCH_LEVEL with the list (DMA-022). */
export type DRIVER_LIST_CONTROL = (
  DeviceObject: unknown,
  Irp: undefined,
  ScatterGather: ScatterGatherList,
  Context: unknown,
) => void

interface LiveList {
  readonly mdl: Mdl
  readonly mapping: Mapping
  readonly writeToDevice: boolean
}

/** A DMA_ADAPTER: what a driver maps its buffers with (rules, section 7). Addresses come from the device's domain. */
export class DmaAdapter {
  readonly addressWidth: number
  /** Map registers of one operation, one a page (DMA-013). */
  readonly mapRegisters: number
  readonly #parts: AdapterParts
  readonly #lists = new Map<Va, LiveList>()
  #open = true

  constructor(parts: AdapterParts) {
    this.#parts = parts
    this.addressWidth = parts.addressWidth
    this.mapRegisters = parts.mapRegisters
  }

  /** Lists that were not put back. */
  get lists(): number {
    return this.#lists.size
  }

  /** True until the list is put back, or goes with the adapter. */
  owns(list: ScatterGatherList): boolean {
    return this.#lists.has(list.address)
  }

  /**
   * Maps [CurrentVa, CurrentVa + Length) of the MDL for the device and hands the list to the routine (DMA-020 to
   * DMA-022). The mapping lives until PutScatterGatherList and grants the one direction only.
   * @param CurrentVa a position in the MDL, counted from its virtual address
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
    const { kernel } = this.#parts
    const routine = 'GetScatterGatherList'
    kernel.requireIrql(routine, 'DMA-021', KIRQL.DISPATCH_LEVEL, KIRQL.DISPATCH_LEVEL)
    this.#requireAlive(routine)
    if (Length === 0) {
      kernel.ledger.raise({ rule: 'VER-007', routine, text: 'zero length', bugCheck: { code: 0xe6, parameter: 0x21 } })
    }
    const start = Number(CurrentVa - MmGetMdlVirtualAddress(Mdl))
    if (start < 0 || start + Length > MmGetMdlByteCount(Mdl)) return NtStatus.STATUS_BUFFER_TOO_SMALL
    if (this.#exceedsMapRegisters(ADDRESS_AND_SIZE_TO_SPAN_PAGES(CurrentVa, Length)))
      return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    const list = this.#mapList(Mdl, CurrentVa, Length, WriteToDevice)
    if (list === undefined) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    ExecutionRoutine(DeviceObject, undefined, list, Context)
    return NtStatus.STATUS_SUCCESS
  }

  /** Ends the device's access, then frees the list (DMA-025). @param WriteToDevice as it was for Get */
  PutScatterGatherList(ScatterGather: ScatterGatherList, WriteToDevice: boolean): void {
    const routine = 'PutScatterGatherList'
    const { kernel } = this.#parts
    kernel.requireIrql(routine, 'DMA-025', KIRQL.DISPATCH_LEVEL, KIRQL.DISPATCH_LEVEL)
    this.#requireAlive(routine)
    const live = this.#lists.get(ScatterGather.address)
    if (live === undefined) {
      const bugCheck = { code: 0xe6, parameter: 0x06 }
      this.#parts.kernel.ledger.raise({ rule: 'VER-002', routine, text: 'the list was put before', bugCheck })
    }
    if (live.writeToDevice !== WriteToDevice) {
      kernel.ledger.raise({ rule: 'DMA-025', routine, text: 'the direction is not that of GetScatterGatherList' })
    }
    this.#lists.delete(ScatterGather.address)
    kernel.pool.free(ScatterGather.address)
    unmapWhole(live.mapping)
    this.#parts.mm.countList(live.mdl, -1)
  }

  /** Takes back every list that was left, and writes each down as leaked (VER-003). */
  close(): void {
    const { kernel } = this.#parts
    for (const [address, { mapping, mdl }] of this.#lists) {
      kernel.ledger.note({
        rule: 'VER-003',
        routine: 'PutDmaAdapter',
        text: 'a scatter/gather list was never put back',
        bugCheck: { code: 0xe6, parameter: 0x0a },
      })
      kernel.pool.free(address)
      unmapWhole(mapping)
      this.#parts.mm.countList(mdl, -1)
    }
    this.#lists.clear()
    this.#open = false
  }

  /** What the description asked for and the platform could not grant is a shortage of the platform. */
  #exceedsMapRegisters(pages: number): boolean {
    if (pages <= this.mapRegisters) return false
    const { kernel, wanted } = this.#parts
    if (pages <= wanted) {
      const why = `a list of ${pages} pages may need as many mappings, and the platform has ${this.mapRegisters} at once`
      kernel.shortages.note(
        new ProbarError(
          'dma-entries-exhausted',
          `${why}: raise the module parameter vfio_iommu_type1.dma_entry_limit, or use the back end iommufd`,
        ),
      )
    }
    return true
  }

  #requireAlive(routine: string): void {
    if (this.#open) return
    const bugCheck = { code: 0xe6, parameter: 0x18 }
    this.#parts.kernel.ledger.raise({ rule: 'VER-008', routine, text: 'the adapter was released', bugCheck })
  }

  #mapList(mdl: Mdl, currentVa: Va, length: number, writeToDevice: boolean): ScatterGatherList | undefined {
    const mapping = this.#mapPages(mdl, currentVa, length, writeToDevice ? 'read' : 'write')
    if (mapping === undefined) return undefined
    const offset = Number(currentVa % BigInt(PAGE_SIZE))
    const list = ScatterGatherList.create(this.#parts.kernel.pool, mapping.segments.slice(offset, length))
    if (list === undefined) {
      unmapWhole(mapping)
      return undefined
    }
    this.#lists.set(list.address, { mdl, mapping, writeToDevice })
    this.#parts.mm.countList(mdl, 1)
    return list
  }

  #mapPages(mdl: Mdl, currentVa: Va, length: number, access: DmaAccess): Mapping | undefined {
    const { kernel, mm, domain } = this.#parts
    const first = Number((currentVa >> BigInt(PAGE_SHIFT)) - (MmGetMdlVirtualAddress(mdl) >> BigInt(PAGE_SHIFT)))
    const pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(currentVa, length)
    const indices = mm.framesOf('GetScatterGatherList', mdl).slice(first, first + pages)
    try {
      const placement = { kind: 'scatter', addressBits: this.addressWidth } as const
      return domain.map({ memory: kernel.frames, indices }, access, placement)
    } catch (error) {
      if (kernel.shortages.note(error) || codeOf(error) === 'dma-outside-aperture') return undefined
      throw error
    }
  }
}
