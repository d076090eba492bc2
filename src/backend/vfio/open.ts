import { systemClock } from '../../base/clock.ts'
import type { Device } from '../../device/contract.ts'
import { VfioDevice } from './device.ts'
import type { VfioOptions, VfioTarget } from './target.ts'

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
