import { accessSync, constants, existsSync } from 'node:fs'
import { OsError, ProbarError } from '../../base/errors.ts'
import type { IommufdTarget } from '../../backend/iommufd/open.ts'
import type { VfioTarget } from '../../backend/vfio-device/target.ts'
import { culpritText, culpritsOf } from '../../host/linux/group-culprits.ts'
import { type PciFunction, readPciFunction } from '../../host/linux/pci-functions.ts'
import { vfioDeviceFile } from '../../host/linux/vfio-nodes.ts'

const DRIVER = 'vfio-pci'

/** Where the kernel shows functions and group files; tests have folders of their own. */
export interface VfioPlaces {
  readonly sysfs?: string
  readonly groups: string
  /** Throws when the file may not be opened for reading and writing. */
  readonly access: (path: string) => void
}

export const PLACES: VfioPlaces = {
  groups: '/dev/vfio',
  access: (path) => accessSync(path, constants.R_OK | constants.W_OK),
}

/**
 * A function that can be opened through VFIO, with what the back end needs to know of it.
 * @throws ProbarError device-absent, iommu-unavailable, device-driver, group-not-viable, permission-denied
 */
export function vfioTarget(address: string, places: VfioPlaces = PLACES): VfioTarget {
  const target = boundFunction(address, places)
  checkFile(`${places.groups}/${target.group}`, places)
  return target
}

/**
 * A function that can be opened through iommufd.
 * @throws ProbarError as vfioTarget; iommu-unavailable, too, where the kernel gives the function no file of its own
 */
export function iommufdTarget(address: string, places: VfioPlaces = PLACES): IommufdTarget {
  const target = boundFunction(address, places)
  const deviceFile = vfioDeviceFile(address, places.sysfs)
  if (deviceFile === undefined) {
    const why = 'this kernel gives devices no files under /dev/vfio/devices, which iommufd needs'
    const mend = 'use --backend vfio, or a kernel of 6.6 or later with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV'
    throw new ProbarError('iommu-unavailable', `${address}: ${why}; ${mend}`)
  }
  return { ...target, deviceFile }
}

/** Where noiommu mode puts the file of a group. */
export const noIommuFile = (group: number, { groups }: VfioPlaces): string => `${groups}/noiommu-${group}`

/** Behind an IOMMU, and bound to vfio-pci. */
function boundFunction(address: string, places: VfioPlaces): VfioTarget {
  const fn = readPciFunction(address, places.sysfs)
  if (fn.iommuGroup === undefined || existsSync(noIommuFile(fn.iommuGroup, places))) {
    const mend = 'enable VT-d or AMD-Vi in the firmware and, on Intel, boot with intel_iommu=on'
    throw new ProbarError(
      'iommu-unavailable',
      `${address} is in no IOMMU group: ${mend}. Without one there is --backend noiommu, which protects nothing`,
    )
  }
  const target = targetOf(fn, fn.iommuGroup, places.sysfs)
  refuseUnviable(fn, places)
  return target
}

/** The kernel would only say that the group is not viable. @throws ProbarError group-not-viable */
function refuseUnviable({ address, iommuGroup, groupMembers }: PciFunction, { sysfs }: VfioPlaces): void {
  const culprits = culpritsOf(groupMembers.map((member) => readPciFunction(member, sysfs)))
  if (culprits.length === 0) return
  // What may be taken was taken before, so it is a bridge, or what has come since.
  const mend = 'unbind it from its driver, or move the card to another slot'
  throw new ProbarError(
    'group-not-viable',
    `${address} cannot be used while its IOMMU group ${iommuGroup} has ${culpritText(culprits)}: ${mend}`,
  )
}

/** @throws ProbarError device-driver */
export function targetOf(fn: PciFunction, group: number, sysfs?: string): VfioTarget {
  if (fn.driver !== DRIVER) throw wrongDriver(fn)
  const { address, driver, bars, resetMethods } = fn
  const rom = fn.rom === undefined ? {} : { rom: fn.rom }
  const companions = fn.groupMembers.filter((other) => readPciFunction(other, sysfs).driver === DRIVER)
  return { address, group, driver, identity: fn, bars, companions, resetMethods, ...rom }
}

function wrongDriver({ address, driver }: PciFunction): ProbarError {
  const now = driver === undefined ? 'has no driver' : `is bound to ${driver}`
  return new ProbarError(
    'device-driver',
    `${address} ${now}; a run needs it bound to ${DRIVER}. As root: 'probar bind ${address}'`,
  )
}

export function checkFile(path: string, { access }: VfioPlaces): void {
  if (!existsSync(path)) throw new ProbarError('iommu-unavailable', `${path} is not there: run 'modprobe vfio-pci'`)
  try {
    access(path)
  } catch (error) {
    const mend = `run as root, or give your user the file: chown "$USER" ${path}`
    throw new OsError('permission-denied', `${path} may not be opened: ${mend}`, 13, 'open', { cause: error })
  }
}
