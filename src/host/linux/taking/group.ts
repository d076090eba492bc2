import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProbarError } from '../../../base/errors.ts'
import { readConfigHeader } from '../config-file.ts'
import { type PciFunction, readPciFunction } from '../pci-functions.ts'
import { type TakingPlaces } from './places.ts'

/** What can only be taken together. */
export interface TakingGroup {
  /** Of its lease and its journal: `group-13`, or `device-0000:01:00.0` of a function that no IOMMU stands in front of. */
  readonly name: string
  /** The function that was asked for, and those that have to go with it. */
  readonly functions: readonly PciFunction[]
}

/**
 * A function and the others of its IOMMU group, but for those that may stay where they are: bridges, which carry what is
 * behind them and which vfio-pci does not take, and functions that pci-stub keeps (kernel: vfio_dev_viable in
 * drivers/vfio/vfio_main.c; vfio_pci_core_register_device in drivers/vfio/pci/vfio_pci_core.c).
 * @throws ProbarError device-absent, device-protected for a bridge
 */
export function groupOf(address: string, { bus }: Pick<TakingPlaces, 'bus'>): TakingGroup {
  const devices = join(bus, 'devices')
  const asked = readPciFunction(address, devices)
  if (isBridge(asked, devices)) {
    const why = 'a bridge stays with its driver, because what is behind it needs it'
    throw new ProbarError('device-protected', `${address} is a bridge: ${why}; name the device itself`)
  }
  const members = asked.groupMembers.filter((member) => existsSync(join(devices, member)))
  const others = members.map((member) => readPciFunction(member, devices))
  const functions = [asked, ...others.filter((fn) => fn.driver !== 'pci-stub' && !isBridge(fn, devices))]
  const group = isGuarded(asked, devices) ? `group-${asked.iommuGroup}` : `device-${address}`
  return { name: group, functions }
}

/** Whether an IOMMU stands between the function and memory. A group of vfio's noiommu mode comes and goes with its driver. */
export function isGuarded(fn: PciFunction, devices: string): boolean {
  if (fn.iommuGroup === undefined) return false
  const name = join(devices, fn.address, 'iommu_group', 'name')
  return !existsSync(name) || readFileSync(name, 'utf8').trim() !== 'vfio-noiommu'
}

/** Where the header tells its kind; 0 is a plain function, 1 and 2 are bridges (PCIe 7.5.1.1.9). */
const HEADER_TYPE = 0x0e

/** A host or ISA bridge has a plain header: it counts as long as no driver has it. */
function isBridge(fn: PciFunction, devices: string): boolean {
  const type = (readConfigHeader(fn.address, devices)[HEADER_TYPE] ?? 0) & 0x7f
  return type === 1 || type === 2 || (fn.classCode >>> 16 === 6 && fn.driver === undefined)
}
