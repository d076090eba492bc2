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

export interface VfioRom {
  readonly start: PhysicalAddress
  /** Bytes. */
  readonly size: number
}

export interface VfioTarget {
  /** `0000:01:00.0` */
  readonly address: string
  readonly group: number
  readonly driver: string
  readonly identity: DeviceIdentity
  readonly bars: readonly VfioBar[]
  /** The expansion ROM, where there is one. */
  readonly rom?: VfioRom
  /** The other functions of its group that are bound to vfio-pci too. */
  readonly companions?: readonly string[]
  /** How the kernel would reset the function alone, the best first: `flr`, `pm`, `bus`, … */
  readonly resetMethods?: readonly string[]
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
