import type { PhysicalAddress } from '../../base/address.ts'
import { systemClock } from '../../base/clock.ts'
import type { Aperture, Device, DeviceIdentity } from '../../device/contract.ts'
import type { MemorySurface, VfioSurface } from '../../native/surface.ts'
import { VfioDevice } from './device.ts'

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

export interface VfioOptions {
  readonly native: MemorySurface & VfioSurface
  /** Bits of the addresses that the device emits. */
  readonly addressBits: number
  /** Unsigned 32-bit numbers, for bus addresses. */
  readonly random: () => number
  /** Bus addresses that automatic placement leaves alone. */
  readonly keepFree: readonly Aperture[]
}

/** VFIO_TYPE1v2_IOMMU: unmapping needs exact ranges, and never splits a mapping. */
const TYPE1_V2 = 3

/**
 * Opens a function that is bound to vfio-pci, through /dev/vfio and the type 1 IOMMU driver (kernel:
 * Documentation/driver-api/vfio.rst).
 * @throws ProbarError permission-denied, iommu-unavailable, group-not-viable, device-busy
 */
export function openVfio(target: VfioTarget, options: VfioOptions): Device {
  const { native } = options
  const opened: number[] = []
  const keep = (descriptor: number): number => {
    opened.push(descriptor)
    return descriptor
  }
  try {
    const container = keep(native.openContainer())
    const group = keep(native.openGroup(container, `/dev/vfio/${target.group}`))
    native.setIommu(container, TYPE1_V2)
    const file = keep(native.openDevice(group, target.address))
    return new VfioDevice({ target, options, container, group, file, clock: systemClock })
  } catch (error) {
    for (const descriptor of opened.toReversed()) native.closeDescriptor(descriptor)
    throw error
  }
}
