import { runAll, undoAfter } from '../../base/disposal.ts'
import type { Device } from '../../device/contract.ts'
import type { IommufdSurface } from '../../native/surface.ts'
import { Descriptors } from '../vfio-device/descriptors.ts'
import { VfioDevice } from '../vfio-device/device.ts'
import { iommuDomain } from '../vfio-device/iommu-domain.ts'
import { NO_ENTRY_LIMIT, type VfioOptions, type VfioTarget } from '../vfio-device/target.ts'
import { IoasTranslation } from './translation.ts'

export interface IommufdTarget extends VfioTarget {
  /** The device's own file: /dev/vfio/devices/vfioN. */
  readonly deviceFile: string
}

export interface IommufdOptions extends VfioOptions {
  readonly native: VfioOptions['native'] & IommufdSurface
}

/**
 * Opens a function that is bound to vfio-pci through its own file, with an address space of iommufd (kernel:
 * Documentation/userspace-api/iommufd.rst).
 * @throws ProbarError iommu-unavailable, permission-denied, device-busy
 */
export function openIommufd(target: IommufdTarget, options: IommufdOptions): Device {
  const { native } = options
  const files = new Descriptors(native)
  try {
    const iommufd = files.keep(native.openIommufd())
    const file = files.keep(native.openDeviceFile(target.deviceFile))
    native.bindIommufd(file, iommufd)
    const ioas = native.allocateIoas(iommufd)
    native.attachIoas(file, ioas)
    const release = (): void =>
      runAll([() => native.detachIoas(file), () => native.destroyIommuObject(iommufd, ioas), () => files.close()])
    const { ranges, alignment: smallestPage } = native.ioasRanges(iommufd, ioas)
    const translation = new IoasTranslation(native, iommufd, ioas)
    const space = { interface: 'iommufd', ranges, smallestPage, maxEntries: NO_ENTRY_LIMIT, translation }
    const dma = iommuDomain(space, options)
    return new VfioDevice({ backend: 'iommufd', target, native, file, dma, release })
  } catch (error) {
    undoAfter(error, [() => files.close()])
  }
}
