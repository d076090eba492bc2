import type { Va } from '../../base/address.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { DmaAdapter } from '../dma/adapter.ts'
import type { Dma } from '../dma/dma.ts'
import type { ScatterGatherList } from '../dma/scatter-gather-list.ts'
import { ulong } from '../dma/ulong.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { KSMAPPING } from '../layout/x64-ks.ts'
import type { Mdl } from '../mm/mdl.ts'
import { type KsMappingTable, writeMappingTable } from './mappings.ts'

interface Registration {
  readonly adapter: DmaAdapter
  readonly maxMappingsByteCount: number
  readonly mappingTableStride: number
}

interface LiveTable {
  readonly list: ScatterGatherList
  readonly adapter: DmaAdapter
  readonly writeToDevice: boolean
}

/** AVStream's side of a device: knows its DMA adapter and makes mapping tables with it (rules, section 2). */
export class KsDevice {
  readonly #kernel: Kernel
  readonly #dma: Dma
  readonly #tables = new Map<Va, LiveTable>()
  #registration: Registration | undefined

  constructor(kernel: Kernel, dma: Dma) {
    this.#kernel = kernel
    this.#dma = dma
  }

  /**
   * What both forms of registration do.
   * @throws CallerError KSM-011 for an adapter that is none of IoGetDmaAdapter, KSM-010 for one without scatter/gather,
   *   KSM-013 and KSM-015 for the stride, KSM-021 for MaxMappingsByteCount 0
   */
  register(routine: string, adapter: DmaAdapter, maxMappingsByteCount: number, mappingTableStride: number): void {
    const refuse = (rule: string, text: string): never => this.#kernel.ledger.raise({ rule, routine, text })
    if (!this.#dma.holds(adapter)) refuse('KSM-011', 'the adapter was released, or is none of IoGetDmaAdapter')
    if (!adapter.scatterGather) refuse('KSM-010', 'the adapter is none of a bus master with scatter/gather')
    if (ulong(mappingTableStride, 'MappingTableStride') < KSMAPPING.size) {
      refuse('KSM-013', `a stride of ${mappingTableStride} is below 16`)
    }
    if (mappingTableStride % KSMAPPING.align !== 0) {
      refuse('KSM-015', `a stride of ${mappingTableStride} is no multiple of 8`)
    }
    if (ulong(maxMappingsByteCount, 'MaxMappingsByteCount') < 1) refuse('KSM-021', 'MaxMappingsByteCount is 0')
    this.#registration = { adapter, maxMappingsByteCount, mappingTableStride }
  }

  /**
   * The table of a frame, as AVStream makes it when a stream pointer is locked for the first time (KSM-026): from the
   * same machinery as a scatter/gather list, never from page numbers (KSM-024). A lock waits for nothing.
   * @param Length bytes from the start of the MDL's buffer
   * @returns STATUS_INSUFFICIENT_RESOURCES, and no table, when mapping resources are short
   */
  generateMappings(Mdl: Mdl, Length: number, WriteToDevice: boolean, Table: Out<KsMappingTable>): NtStatus {
    const registration = this.#registration
    if (registration === undefined) {
      this.#kernel.ledger.raise({ rule: 'KSM-010', routine: 'generateMappings', text: 'no adapter is registered' })
    }
    const { adapter } = registration
    const got: Out<ScatterGatherList> = {}
    const status = this.#kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.listAtOnce(Mdl, Length, WriteToDevice, got))
    if (!NT_SUCCESS(status) || got.value === undefined) return status
    const live = { list: got.value, adapter, writeToDevice: WriteToDevice }
    const { maxMappingsByteCount, mappingTableStride } = registration
    const made = writeMappingTable(this.#kernel.pool, live.list.segments(), maxMappingsByteCount, mappingTableStride)
    if (made === undefined) {
      this.#put(live)
      return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    }
    this.#tables.set(made.address, live)
    Table.value = made.table
    return status
  }

  /** Ends the device's access to the frame: its last reference is gone (KSM-027). */
  releaseMappings(table: KsMappingTable): void {
    const live = this.#tables.get(table.Mappings)
    if (live === undefined) {
      this.#kernel.ledger.raise({ rule: 'KSM-027', routine: 'releaseMappings', text: 'the table was released before' })
    }
    this.#tables.delete(table.Mappings)
    this.#kernel.pool.free(table.Mappings)
    this.#put(live)
  }

  /** Releases every table that is left. */
  close(): void {
    for (const [address, live] of this.#tables) {
      this.#kernel.ledger.note({ rule: 'KSM-027', routine: 'close', text: 'a mapping table was never released' })
      this.#kernel.pool.free(address)
      // With the adapter the list went, too.
      if (live.adapter.owns(live.list)) this.#put(live)
    }
    this.#tables.clear()
  }

  #put({ list, adapter, writeToDevice }: LiveTable): void {
    this.#kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.PutScatterGatherList(list, writeToDevice))
  }
}
