import { existsSync } from 'node:fs'
import type { VfioTarget } from '../../backend/vfio-device/target.ts'
import { ProbarError } from '../../base/errors.ts'
import { readPciFunction } from '../../host/linux/pci-functions.ts'
import { PLACES, type VfioPlaces, checkFile, noIommuFile, targetOf } from './vfio-target.ts'

/** The kernel's switch for noiommu mode. */
export const UNSAFE_MODE = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode'

/**
 * A function that no IOMMU stands in front of and that vfio's noiommu mode gives out.
 * @param mode the kernel's switch for that mode
 * @throws ProbarError usage when an IOMMU is there, device-absent, iommu-unavailable, device-driver, permission-denied
 */
export function noIommuTarget(address: string, places: VfioPlaces = PLACES, mode = UNSAFE_MODE): VfioTarget {
  const fn = readPciFunction(address, places.sysfs)
  const { iommuGroup: group } = fn
  const file = group === undefined ? undefined : noIommuFile(group, places)
  if (group !== undefined && file !== undefined && existsSync(file)) {
    checkFile(file, places)
    return targetOf(fn, group, places.sysfs)
  }
  if (group !== undefined) {
    const instead = 'use --backend vfio or iommufd, which keep it from memory that is not its own'
    throw new ProbarError('usage', `${address} is behind an IOMMU (group ${group}): ${instead}`)
  }
  if (!existsSync(mode)) {
    const why = 'this kernel has no noiommu mode (CONFIG_VFIO_NOIOMMU), or vfio is not loaded'
    throw new ProbarError('iommu-unavailable', `${address}: ${why}; ${mode} is not there`)
  }
  throw new ProbarError(
    'device-driver',
    `${address} is not given out, for noiommu mode is off. As root, on a machine that may be lost: echo 1 > ${mode}`,
  )
}
