import { accessSync, constants, existsSync } from 'node:fs'
import { OsError, ProbarError } from '../base/errors.ts'
import type { VfioTarget } from '../backend/vfio/target.ts'
import { type PciFunction, readPciFunction } from '../host/linux/pci-functions.ts'

const DRIVER = 'vfio-pci'

/**
 * A function that can be opened through VFIO, with what the back end needs to know of it.
 * @throws ProbarError iommu-unavailable, device-driver, permission-denied
 */
export function vfioTarget(address: string): VfioTarget {
  const fn = readPciFunction(address)
  if (fn.iommuGroup === undefined) {
    const mend = 'enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on or amd_iommu=on'
    throw new ProbarError('iommu-unavailable', `${address} is in no IOMMU group: ${mend}`)
  }
  if (fn.driver !== DRIVER) throw wrongDriver(fn)
  checkGroupFile(fn.iommuGroup)
  return { address, group: fn.iommuGroup, driver: fn.driver, identity: fn, bars: fn.bars }
}

/** Why the function cannot be used, or undefined when it can. */
export function readiness(fn: PciFunction): string | undefined {
  if (fn.iommuGroup === undefined) return 'no IOMMU group'
  if (fn.driver !== DRIVER) return fn.driver === undefined ? 'no driver' : `bound to ${fn.driver}`
  return undefined
}

function wrongDriver({ address, driver }: PciFunction): ProbarError {
  const now = driver === undefined ? 'has no driver' : `is bound to ${driver}`
  const path = `/sys/bus/pci/devices/${address}`
  const unbind = driver === undefined ? '' : `echo ${address} > ${path}/driver/unbind; `
  const mend = `echo ${DRIVER} > ${path}/driver_override; ${unbind}echo ${address} > /sys/bus/pci/drivers_probe`
  return new ProbarError('device-driver', `${address} ${now}, not to ${DRIVER}. As root, if nothing needs it: ${mend}`)
}

function checkGroupFile(group: number): void {
  const path = `/dev/vfio/${group}`
  if (!existsSync(path)) throw new ProbarError('iommu-unavailable', `${path} is not there: run 'modprobe vfio-pci'`)
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    const mend = `run as root, or give your user the file: chown "$USER" ${path}`
    throw new OsError('permission-denied', `${path} may not be opened: ${mend}`, 13, 'open', { cause: error })
  }
}
