import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
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

/** @throws ProbarError iommu-unavailable where the kernel has no iommufd at all */
export function checkIommufd(address: string, path = '/dev/iommu'): void {
  if (existsSync(path)) return
  const why = `this kernel offers no iommufd (${path} is not there)`
  const mend = "run 'modprobe iommufd', use --backend vfio, or a kernel of 6.6 or later with CONFIG_IOMMUFD"
  throw new ProbarError('iommu-unavailable', `${address}: ${why}; ${mend}`)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
}
