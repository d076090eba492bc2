import type { DeviceIdentity } from '../device/contract.ts'
import { listPciFunctions } from '../host/linux/pci-functions.ts'
import { loadProfile, matchProfiles, profileNames } from '../profile/load.ts'
import type { Profile } from '../profile/schema.ts'
import { readiness } from './vfio-target.ts'

/** A device that a run can be given, or the reason why it cannot. */
export interface ListedDevice extends DeviceIdentity {
  /** What `--device` takes. */
  readonly ref: string
  /** Names of the profiles that match. */
  readonly profiles: readonly string[]
  /** Absent when a run can take it. */
  readonly problem?: string
}

/** The modelled devices, then every PCI function of the machine. */
export function listDevices(): readonly ListedDevice[] {
  const profiles = profileNames().map(loadProfile)
  const edu: DeviceIdentity = {
    vendor: 0x1234,
    device: 0x11e8,
    subsystemVendor: 0x1af4,
    subsystem: 0x1100,
    revision: 0x10,
    classCode: 0x00ff00,
  }
  return [{ ref: 'loopback:edu', ...edu, profiles: namesOf(edu, profiles) }, ...functions(profiles)]
}

function functions(profiles: readonly Profile[]): readonly ListedDevice[] {
  return listPciFunctions().map((fn) => {
    const matching = namesOf(fn, profiles)
    const problem = readiness(fn) ?? (matching.length === 0 ? 'no profile matches' : undefined)
    const { vendor, device, subsystemVendor, subsystem, revision, classCode, driver, iommuGroup: group } = fn
    const identity = { vendor, device, subsystemVendor, subsystem, revision, classCode, driver, group }
    const listed = { ref: `vfio:${fn.address}`, ...identity, profiles: matching }
    return problem === undefined ? listed : { ...listed, problem }
  })
}

function namesOf(identity: DeviceIdentity, profiles: readonly Profile[]): readonly string[] {
  return matchProfiles(identity, profiles).map(({ name }) => name)
}
