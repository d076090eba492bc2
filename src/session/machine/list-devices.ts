import { loopbackReferences } from '../../backend/loopback/reference.ts'
import type { DeviceIdentity } from '../../device/contract.ts'
import type { PciBar } from '../../host/linux/pci-functions.ts'
import { readPciNames } from '../../host/linux/pci-ids-file.ts'
import type { PciNames } from '../../pci/ids/pci-ids.ts'
import { loadProfile, matchProfiles, profileNames } from '../../profile/load.ts'
import type { Profile } from '../../profile/schema.ts'
import { type DeviceNames, deviceNames } from '../../pci/ids/device-names.ts'
import { openModel } from '../open-model.ts'
import { judgeFunctions } from './readiness.ts'

/** A device that a run can be given, or the reason why it cannot. */
export interface ListedDevice extends DeviceIdentity {
  /** What `--device` takes. */
  readonly ref: string
  readonly names: DeviceNames
  /** The other functions of its IOMMU group. */
  readonly groupMembers: readonly string[]
  readonly numaNode?: number | undefined
  readonly bars: readonly PciBar[]
  /** Names of the profiles that match. */
  readonly profiles: readonly string[]
  /** Absent when a run can take it. */
  readonly problem?: string
  /** What a run that can take it does about its driver. */
  readonly remark?: string
}

/** The modelled devices, then every PCI function of the machine. */
export function listDevices(): readonly ListedDevice[] {
  const profiles = profileNames().map(loadProfile)
  const names = readPciNames()
  return [...loopbackReferences.map((ref) => listedModel(ref, profiles, names)), ...functions(profiles, names)]
}

function listedModel(ref: string, profiles: readonly Profile[], names: PciNames): ListedDevice {
  using model = openModel(ref)
  const { identity } = model
  const bars = model.regions.flatMap(({ index, kind, start, size, addressBits, prefetchable }): PciBar[] =>
    kind === 'rom' ? [] : [{ index, kind, start, size, addressBits, prefetchable }],
  )
  const listed = { ref, names: deviceNames(identity, names), groupMembers: [], bars }
  return { ...identity, ...listed, profiles: namesOf(identity, profiles) }
}

function functions(profiles: readonly Profile[], names: PciNames): readonly ListedDevice[] {
  return judgeFunctions().map(({ fn, problem: inTheWay, remark }) => {
    const matching = namesOf(fn, profiles)
    const problem = inTheWay ?? (matching.length === 0 ? 'no profile matches' : undefined)
    const { vendor, device, subsystemVendor, subsystem, revision, classCode, driver, iommuGroup: group } = fn
    const identity = { vendor, device, subsystemVendor, subsystem, revision, classCode, driver, group }
    const { groupMembers, numaNode, bars } = fn
    const found = { names: deviceNames(fn, names), groupMembers, numaNode, bars, profiles: matching }
    const listed = { ref: `vfio:${fn.address}`, ...identity, ...found }
    if (problem !== undefined) return { ...listed, problem }
    return remark === undefined ? listed : { ...listed, remark }
  })
}

function namesOf(identity: DeviceIdentity, profiles: readonly Profile[]): readonly string[] {
  return matchProfiles(identity, profiles).map(({ name }) => name)
}
