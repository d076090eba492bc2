import { undoAfter } from '../../base/disposal.ts'
import type { Device } from '../../device/contract.ts'
import { Descriptors } from '../vfio-device/descriptors.ts'
import { VfioDevice } from '../vfio-device/device.ts'
import { iommuDomain } from '../vfio-device/iommu-domain.ts'
import type { VfioOptions, VfioTarget } from '../vfio-device/target.ts'
import { Type1Translation } from './translation.ts'

/** VFIO_TYPE1v2_IOMMU: unmapping needs exact ranges, and never splits a mapping. */
const TYPE1_V2 = 3

/** The module's default for dma_entry_limit, where the kernel does not tell how many are left. */
const DEFAULT_ENTRIES = 65_535

/**
 * Opens a function that is bound to vfio-pci, through /dev/vfio and the type 1 IOMMU driver (kernel:
 * Documentation/driver-api/vfio.rst).
 * @throws ProbarError permission-denied, iommu-unavailable, group-not-viable, device-busy
 */
export function openVfio(target: VfioTarget, options: VfioOptions): Device {
  const { native } = options
  const files = new Descriptors(native)
  try {
    const container = files.keep(native.openContainer())
    const group = files.keep(native.openGroup(container, `/dev/vfio/${target.group}`))
    native.setIommu(container, TYPE1_V2)
    const file = files.keep(native.openDevice(group, target.address))
    const { ranges, available } = native.iommuInfo(container)
    const maxEntries = available >= 0 ? available : DEFAULT_ENTRIES
    const dma = iommuDomain({ ranges, maxEntries, translation: new Type1Translation(native, container) }, options)
    return new VfioDevice({ backend: 'vfio', target, native, file, dma, release: () => files.close() })
  } catch (error) {
    undoAfter(error, [() => files.close()])
  }
}
