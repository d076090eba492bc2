import type { Va } from '../../base/address.ts'
import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { DmaAdapter } from '../dma/adapter.ts'
import type { DeviceDescription } from '../dma/description.ts'
import type { ScatterGatherList } from '../dma/scatter-gather-list.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { KSMAPPING } from '../layout/x64.ts'
import { type Mdl, MmGetMdlVirtualAddress } from '../mm/mdl.ts'
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
  readonly #tables = new Map<Va, LiveTable>()
  #registration: Registration | undefined

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /**
   * IKsDeviceFunctions::RegisterAdapterObjectEx (KSM-012, KSM-013).
   * @param MaxMappingsByteCount the longest entry, in bytes
   * @param MappingTableStride bytes between entries, at least 16 and a multiple of 8 (KSM-015)
   */
  RegisterAdapterObjectEx(
    AdapterObject: DmaAdapter,
    _DeviceDescription: DeviceDescription,
    _NumberOfMapRegisters: number,
    MaxMappingsByteCount: number,
    MappingTableStride: number,
  ): NtStatus {
    const routine = 'RegisterAdapterObjectEx'
    this.#kernel.requireIrql(routine, 'KSM-012', KIRQL.PASSIVE_LEVEL)
    if (MappingTableStride < KSMAPPING.size) {
      this.#kernel.ledger.raise({ rule: 'KSM-013', routine, text: `a stride of ${MappingTableStride} is below 16` })
    }
    if (MappingTableStride % KSMAPPING.align !== 0) {
      this.#kernel.ledger.raise({
        rule: 'KSM-015',
        routine,
        text: `a stride of ${MappingTableStride} is no multiple of 8`,
      })
    }
    if (MaxMappingsByteCount < 1) {
      this.#kernel.ledger.raise({ rule: 'KSM-021', routine, text: 'MaxMappingsByteCount is 0' })
    }
    this.#registration = {
      adapter: AdapterObject,
      maxMappingsByteCount: MaxMappingsByteCount,
      mappingTableStride: MappingTableStride,
    }
    return NtStatus.STATUS_SUCCESS
  }

  /**
   * The table of a frame, as AVStream makes it when a stream pointer is locked for the first time (KSM-026): from the
   * same machinery as a scatter/gather list, never from page numbers (KSM-024).
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
    const status = this.#kernel.at(KIRQL.DISPATCH_LEVEL, () => {
      const keep = (_device: unknown, _irp: undefined, list: ScatterGatherList): void => void (got.value = list)
      return adapter.GetScatterGatherList(
        this,
        Mdl,
        MmGetMdlVirtualAddress(Mdl),
        Length,
        keep,
        undefined,
        WriteToDevice,
      )
    })
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
