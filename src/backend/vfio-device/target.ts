import type { PhysicalAddress } from '../../base/address.ts'
import type { Aperture, DeviceIdentity } from '../../device/contract.ts'
import type { MemorySurface, VfioSurface } from '../../native/surface.ts'

/** Where the kernel puts a BAR, as the caller found it in sysfs; VFIO itself does not tell. */
export interface VfioBar {
  readonly index: number
  readonly kind: 'memory' | 'io'
  readonly start: PhysicalAddress
  /** Bytes. */
  readonly size: number
  readonly prefetchable: boolean
  readonly addressBits: 32 | 64
}

export interface VfioTarget {
  /** `0000:01:00.0` */
  readonly address: string
  readonly group: number
  readonly driver: string
  readonly identity: DeviceIdentity
  readonly bars: readonly VfioBar[]
}

/** For interfaces that set no limit to the number of mappings. */
export const NO_ENTRY_LIMIT = Number.MAX_SAFE_INTEGER

export interface VfioOptions {
  readonly native: MemorySurface & VfioSurface
  /** Bits of the addresses that the device emits. */
  readonly addressBits: number
  /** Unsigned 32-bit numbers, for bus addresses. */
  readonly random: () => number
  /** Bus addresses that automatic placement leaves alone. */
  readonly keepFree: readonly Aperture[]
}
