import { type PhysicalAddress, type Va, distance, va } from '../../base/address.ts'
import { hex } from '../../base/hex.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { Device, Region } from '../../device/contract.ts'
import { KIRQL, MEMORY_CACHING_TYPE, type Out } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { TranslatedResourceList } from './resources.ts'

/** DXGK_DEVICE_INFO, as far as mapping needs it. */
export interface DXGK_DEVICE_INFO {
  readonly TranslatedResourceList: TranslatedResourceList
}

interface BarMapping {
  /** Where the view that holds it starts. */
  readonly view: Va
  /** Physical pages, both inclusive. */
  readonly first: bigint
  readonly last: bigint
  readonly type: MEMORY_CACHING_TYPE
}

/** Dxgkrnl's callbacks for one adapter: BAR mapping (rules, sections 4.3 and 4.4). */
export class Dxgk {
  /** Names the adapter in every call. */
  readonly DeviceHandle: symbol = Symbol('adapter')
  readonly #kernel: Kernel
  readonly #device: Device
  readonly #resources: TranslatedResourceList
  /** By the address that was returned. */
  readonly #mappings = new Map<Va, BarMapping>()

  constructor(kernel: Kernel, device: Device) {
    this.#kernel = kernel
    this.#device = device
    this.#resources = new TranslatedResourceList(
      kernel.pool,
      device.regions.filter(({ kind }) => kind !== 'rom'),
    )
  }

  /** Mappings that are alive. */
  get mappings(): number {
    return this.#mappings.size
  }

  /** Delivers the translated resources (DXM-010). @returns STATUS_INVALID_PARAMETER for a foreign handle */
  DxgkCbGetDeviceInformation(DeviceHandle: symbol, DeviceInfo: Out<DXGK_DEVICE_INFO>): NtStatus {
    this.#kernel.requireIrql('DxgkCbGetDeviceInformation', 'DXM-010', KIRQL.PASSIVE_LEVEL)
    if (DeviceHandle !== this.DeviceHandle) return NtStatus.STATUS_INVALID_PARAMETER
    DeviceInfo.value = { TranslatedResourceList: this.#resources }
    return NtStatus.STATUS_SUCCESS
  }

  /**
   * A CPU view of part of a BAR (DXM-020 to DXM-026, ERR-16). The pointer addresses exactly the byte at
   * TranslatedAddress, which need not be page aligned (DXM-024).
   * @param Length bytes, below 4 GiB; the range lies in one resource (DXM-025)
   * @param VirtualAddress untouched unless the status is STATUS_SUCCESS
   */
  DxgkCbMapMemory(
    DeviceHandle: symbol,
    TranslatedAddress: PhysicalAddress,
    Length: number,
    InIoSpace: boolean,
    MapToUserMode: boolean,
    CacheType: MEMORY_CACHING_TYPE,
    VirtualAddress: Out<Va>,
  ): NtStatus {
    this.#kernel.requireIrql('DxgkCbMapMemory', 'DXM-020', KIRQL.PASSIVE_LEVEL)
    const region = this.#regionAt(TranslatedAddress, Length)
    if (DeviceHandle !== this.DeviceHandle || region === undefined) return NtStatus.STATUS_INVALID_PARAMETER
    if (InIoSpace || region.kind !== 'memory' || !region.mappable || CacheType > MEMORY_CACHING_TYPE.MmWriteCombined) {
      return NtStatus.STATUS_INVALID_PARAMETER
    }
    if (this.#conflicts(TranslatedAddress, Length, CacheType)) return NtStatus.STATUS_INVALID_PARAMETER
    const offset = distance(region.start, TranslatedAddress)
    try {
      const view = this.#kernel.memory.mapRegion(region, offset, Length, MapToUserMode ? 'user' : 'system')
      const address = va(view.address + BigInt(offset % PAGE_SIZE))
      this.#mappings.set(address, { view: view.address, ...pagesOf(TranslatedAddress, Length), type: CacheType })
      VirtualAddress.value = address
      return NtStatus.STATUS_SUCCESS
    } catch (error) {
      if (this.#kernel.shortages.note(error)) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
      throw error
    }
  }

  /** @param VirtualAddress what DxgkCbMapMemory returned, not an address inside it (DXM-027, ERR-23) */
  DxgkCbUnmapMemory(DeviceHandle: symbol, VirtualAddress: Va): NtStatus {
    this.#kernel.requireIrql('DxgkCbUnmapMemory', 'DXM-020', KIRQL.PASSIVE_LEVEL)
    const mapping = this.#mappings.get(VirtualAddress)
    if (DeviceHandle !== this.DeviceHandle || mapping === undefined) return NtStatus.STATUS_INVALID_PARAMETER
    this.#mappings.delete(VirtualAddress)
    this.#kernel.memory.unmap(mapping.view)
    return NtStatus.STATUS_SUCCESS
  }

  /** Ends every view that is left, and writes it down. */
  close(): void {
    for (const [address, { view }] of this.#mappings) {
      this.#kernel.ledger.note({
        rule: 'DXM-027',
        routine: 'DxgkCbUnmapMemory',
        text: `${hex(address)} was never unmapped`,
      })
      this.#kernel.memory.unmap(view)
    }
    this.#mappings.clear()
    this.#kernel.pool.free(this.#resources.address)
  }

  /** The BAR that holds all of [address, address + length). */
  #regionAt(address: PhysicalAddress, length: number): Region | undefined {
    if (!Number.isInteger(length) || length < 1 || length > 0xffff_ffff) return undefined
    const end = address + BigInt(length)
    return this.#device.regions.find((bar) => bar.start <= address && end <= bar.start + BigInt(bar.size))
  }

  /** A page has one caching attribute at a time (DXM-026, MDL-082). */
  #conflicts(address: PhysicalAddress, length: number, type: MEMORY_CACHING_TYPE): boolean {
    const { first, last } = pagesOf(address, length)
    return [...this.#mappings.values()].some(
      (mapping) => mapping.first <= last && first <= mapping.last && mapping.type !== type,
    )
  }
}

function pagesOf(address: PhysicalAddress, length: number): { first: bigint; last: bigint } {
  const pages = BigInt(PAGE_SIZE)
  return { first: address / pages, last: (address + BigInt(length) - 1n) / pages }
}
