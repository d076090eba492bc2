import { type Va, physicalAddress } from '../../base/address.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { MEMORY_CACHING_TYPE } from '../../ddi/constants.ts'
import type { Mm } from '../../ddi/mm/mm.ts'
import type { HwRegister } from '../../ddi/portcls/interfaces.ts'
import type { Device } from '../../device/contract.ts'
import type { ClockRegister, PositionRegister } from '../../engine/cyclic.ts'

/** Registers of the device that a client reads by itself, in a kernel view each (WRT-039). */
export class MappedRegisters {
  readonly #mm: Mm
  readonly #device: Device
  /** Each view with its bytes. */
  readonly #views = new Map<Va, number>()

  constructor({ mm, device }: { readonly mm: Mm; readonly device: Device }) {
    this.#mm = mm
    this.#device = device
  }

  /**
   * Maps the register and fills in what clocks and positions have in common (WRT-038).
   * @returns STATUS_NOT_SUPPORTED without one, STATUS_INSUFFICIENT_RESOURCES
   */
  describe(place: PositionRegister | ClockRegister | undefined, into: HwRegister): NtStatus {
    const region = this.#device.regions.find(({ index }) => index === place?.region)
    if (place === undefined || region === undefined) return NtStatus.STATUS_NOT_SUPPORTED
    const bytes = place.width / 8
    const start = physicalAddress(region.start + BigInt(place.offset))
    const address = this.#mm.MmMapIoSpace(start, bytes, MEMORY_CACHING_TYPE.MmNonCached)
    if (address === null) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    this.#views.set(address, bytes)
    into.set('Register', address)
    into.set('Width', place.width)
    into.set('Accuracy', place.accuracy)
    return NtStatus.STATUS_SUCCESS
  }

  unmap(): void {
    for (const [address, bytes] of this.#views) this.#mm.MmUnmapIoSpace(address, bytes)
    this.#views.clear()
  }
}
