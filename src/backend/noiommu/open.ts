import { undoAfter } from '../../base/disposal.ts'
import type { Device } from '../../device/contract.ts'
import type { PhysicalSurface } from '../../native/surface.ts'
import { Descriptors } from '../vfio-device/descriptors.ts'
import { VfioDevice } from '../vfio-device/device.ts'
import type { VfioOptions, VfioTarget } from '../vfio-device/target.ts'
import { IdentityDomain } from './identity-domain.ts'

/** VFIO_NOIOMMU_IOMMU */
const NOIOMMU = 8

export interface NoIommuOptions extends Pick<VfioOptions, 'addressBits'> {
  readonly native: VfioOptions['native'] & PhysicalSurface
}

/**
 * Opens a function that no IOMMU stands in front of (kernel: CONFIG_VFIO_NOIOMMU, enable_unsafe_noiommu_mode). From
 * here on the device can read and write any memory of the machine, and so can a mistake in what it is told. Its frames
 * must be huge pages: only of those is it known where they lie.
 * @throws ProbarError permission-denied, iommu-unavailable, device-busy
 */
export function openNoIommu(target: VfioTarget, { native, addressBits }: NoIommuOptions): Device {
  const files = new Descriptors(native)
  try {
    const container = files.keep(native.openContainer())
    const group = files.keep(native.openGroup(container, `/dev/vfio/noiommu-${target.group}`))
    native.setIommu(container, NOIOMMU)
    const file = files.keep(native.openDevice(group, target.address))
    const dma = new IdentityDomain(native, addressBits)
    return new VfioDevice({ backend: 'noiommu', target, native, file, group, dma, release: () => files.close() })
  } catch (error) {
    undoAfter(error, [() => files.close()])
  }
}
