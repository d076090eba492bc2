import { configIds } from '../../../pci/config.ts'
import { readConfigHeader } from '../config-file.ts'
import { readPciFunction, type PciFunction } from '../pci-functions.ts'
import { type MachineUse, type MachinePlaces, machineUses } from '../machine-use.ts'
import type { Access, SystemFiles } from '../system-files.ts'
import { vfioDeviceFile } from '../vfio-nodes.ts'
import { type Holders, LEASES, vfioHolders } from './holders.ts'

/** What the machine tells of a PCI function, before anybody judges it. */
export interface DeviceFacts extends Holders {
  readonly fn: PciFunction
  readonly isBridge: boolean
  /** Config space has an id, and not all ones; undefined where it was not read, so as not to wake the function. */
  readonly answers: boolean | undefined
  /** The other functions of its IOMMU group. */
  readonly members: readonly GroupMember[]
  /** What the machine has on it. */
  readonly uses: readonly MachineUse[]
  /** How the kernel would reset it alone, the best first; kernels before 5.15 do not tell how. */
  readonly resets: readonly string[]
  /** `D0`, `D3hot`, … */
  readonly powerState: string | undefined
  /** `active`, `suspended`, `error`, … */
  readonly runtimeStatus: string | undefined
  /** The screen that firmware wrote to. */
  readonly bootScreen: boolean
  readonly groupNode: Node
  /** Its own file, for iommufd. */
  readonly deviceNode: Node | undefined
  /** It is given out without an IOMMU. */
  readonly noIommu: boolean
}

export interface GroupMember {
  readonly address: string
  readonly driver: string | undefined
  readonly isBridge: boolean
}

export interface Node {
  readonly path: string
  readonly access: Access
}

const DEVICES = '/sys/bus/pci/devices'

/** @throws ProbarError device-absent */
export function readDeviceFacts(files: SystemFiles, address: string, places: MachinePlaces): DeviceFacts {
  const fn = readPciFunction(address, files.place(DEVICES))
  return { ...deviceFacts(files, fn, machineUses([address], places)), answers: answers(files, address) }
}

/** @param uses of this function */
export function deviceFacts(files: SystemFiles, fn: PciFunction, uses: readonly MachineUse[]): DeviceFacts {
  const { address, iommuGroup: group } = fn
  const attribute = (name: string): string | undefined => files.text(`${DEVICES}/${address}/${name}`)?.trim()
  const noIommu = group !== undefined && files.exists(`/dev/vfio/noiommu-${group}`)
  const node = `/dev/vfio/${noIommu ? 'noiommu-' : ''}${group}`
  const deviceFile = vfioDeviceFile(address, files.place(DEVICES))
  return {
    fn,
    isBridge: isBridge(fn),
    answers: undefined,
    members: fn.groupMembers.map((member) => groupMember(files, member)),
    uses,
    ...holdersOf(files, fn, deviceFile === undefined ? [node] : [node, deviceFile], noIommu),
    resets: files.exists(`${DEVICES}/${address}/reset`) ? (some(fn.resetMethods) ?? ['by the kernel']) : [],
    powerState: attribute('power_state'),
    runtimeStatus: attribute('power/runtime_status'),
    bootScreen: attribute('boot_vga') === '1',
    groupNode: { path: node, access: files.access(node) },
    deviceNode: deviceFile === undefined ? undefined : { path: deviceFile, access: files.access(deviceFile) },
    noIommu,
  }
}

/** A virtual function has no ids of its own in config space. */
function answers(files: SystemFiles, address: string): boolean | undefined {
  if (files.link(`${DEVICES}/${address}/physfn`) !== undefined) return undefined
  return configIds(readConfigHeader(address, files.place(DEVICES))).vendor !== 0xffff
}

/** Nobody else's files tell of a device that VFIO does not have. */
function holdersOf(
  files: SystemFiles,
  { driver, address, iommuGroup }: PciFunction,
  nodes: readonly string[],
  noIommu: boolean,
): Holders {
  if (driver !== 'vfio-pci') return { holders: [], leasedBy: undefined, sawAllProcesses: true }
  return vfioHolders(files, nodes, `${LEASES}/${noIommu ? `device-${address}` : `group-${iommuGroup}`}.lease`)
}

const some = <T>(all: readonly T[]): readonly T[] | undefined => (all.length === 0 ? undefined : all)

function groupMember(files: SystemFiles, address: string): GroupMember {
  const driver = files.link(`${DEVICES}/${address}/driver`)?.split('/').at(-1)
  const classCode = Number(files.text(`${DEVICES}/${address}/class`)?.trim() ?? 0)
  return { address, driver, isBridge: isBridge({ classCode, driver }) }
}

/**
 * PCI-to-PCI and CardBus bridges, which vfio-pci does not take, because they are no end points; and any other bridge, to
 * the processor or to ISA, that has no driver: what is behind it needs it.
 */
function isBridge({ classCode, driver }: Pick<PciFunction, 'classCode' | 'driver'>): boolean {
  const kind = classCode >> 8
  return kind === 0x0604 || kind === 0x0607 || kind === 0x0609 || (kind >> 8 === 0x06 && driver === undefined)
}
