import { accessSync, constants } from 'node:fs'
import { openIommufd } from '../../backend/iommufd/open.ts'
import type { IommufdTarget } from '../../backend/iommufd/open.ts'
import { openNoIommu } from '../../backend/noiommu/open.ts'
import type { VfioTarget } from '../../backend/vfio-device/target.ts'
import { type Type1Options, openVfio } from '../../backend/vfio/open.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Device } from '../../device/contract.ts'
import { opensIommufd, vfioDeviceFile } from '../../host/linux/vfio-nodes.ts'
import type { Native } from '../../native/load.ts'
import type { MemorySurface } from '../../native/surface.ts'
import type { PciBackend } from '../reference.ts'
import { noIommuTarget } from './noiommu-target.ts'
import { iommufdTarget, vfioTarget } from './vfio-target.ts'

/** A PCI function of this machine that is ready for the back end named. */
export type PciTarget =
  ({ readonly backend: 'vfio' | 'noiommu' } & VfioTarget) | ({ readonly backend: 'iommufd' } & IommufdTarget)

export interface PciOptions extends Omit<Type1Options, 'native'> {
  readonly native: Native
}

/**
 * What the back end needs to know of the function, found before anything of it is taken.
 * @throws ProbarError device-absent, iommu-unavailable, device-driver, group-not-viable, permission-denied
 */
export function findPciTarget(address: string, asked: PciBackend | 'auto'): PciTarget {
  const backend = asked === 'auto' ? presentBackend(address) : asked
  switch (backend) {
    case 'vfio':
      return { backend, ...vfioTarget(address) }
    case 'iommufd':
      return { backend, ...iommufdTarget(address) }
    case 'noiommu':
      return { backend, ...noIommuTarget(address) }
  }
}

/** @throws ProbarError addon-missing, and what the back end does */
export function openPciTarget(target: PciTarget, options: PciOptions): Device {
  const native = checkAddon(options.native)
  switch (target.backend) {
    case 'vfio':
      return openVfio(target, { ...options, native })
    case 'iommufd':
      return openIommufd(target, { ...options, native })
    case 'noiommu':
      return openNoIommu(target, { ...options, native })
  }
}

/** What reaches devices. @throws ProbarError addon-missing */
export function checkAddon({ vfio, memory, addonProblem }: Native): MemorySurface & NonNullable<Native['vfio']> {
  if (vfio === undefined || memory.provider !== 'addon') {
    throw new ProbarError('addon-missing', `VFIO needs Probar's addon: ${addonProblem ?? 'it was not built'}`)
  }
  return { ...memory, ...vfio }
}

function mayUse(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** iommufd where the kernel offers it for this function and this user. */
function presentBackend(address: string): PciBackend {
  const file = vfioDeviceFile(address)
  return file !== undefined && mayUse(file) && opensIommufd() ? 'iommufd' : 'vfio'
}
