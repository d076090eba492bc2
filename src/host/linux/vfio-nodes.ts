import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../../base/system-error.ts'

/**
 * The own file of a function that is bound to vfio-pci, for iommufd; undefined where the kernel makes none
 * (kernel: Documentation/driver-api/vfio.rst, CONFIG_VFIO_DEVICE_CDEV). Kernels from 6.1 on name the device without
 * making a file of it: such a one has no number.
 */
export function vfioDeviceFile(address: string, sysfs = '/sys/bus/pci/devices'): string | undefined {
  const folder = join(sysfs, address, 'vfio-dev')
  const name = namesIn(folder).find((entry) => entry.startsWith('vfio') && existsSync(join(folder, entry, 'dev')))
  return name === undefined ? undefined : `/dev/vfio/devices/${name}`
}

/** Whether this process may use iommufd. Opening the file has no effect. */
export function opensIommufd(path = '/dev/iommu'): boolean {
  try {
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
}
