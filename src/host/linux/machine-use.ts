import { ProbarError } from '../../base/errors.ts'
import { SystemFiles } from './system-files.ts'
import { usedFunctions } from './machine-use/uses.ts'

/** Where the kernel shows what it uses, and what a process was told. */
export interface MachinePlaces {
  /** Stands before /proc, /sys, /run and /dev; `/` unless told. */
  readonly root?: string
  /** The variable SSH_CONNECTION, where the caller has it. */
  readonly sshConnection?: string | undefined
}

/** What the machine has on a PCI function. */
export interface MachineUse {
  readonly address: string
  /** A phrase without its subject: `holds the root file system (/dev/nvme0n1p2 on /)`. */
  readonly use: string
  /** The same for a column of a table: `root file system`. */
  readonly label: string
}

/**
 * Which of the functions the machine lives on: a mounted file system, swap, a disk of LVM, md, ZFS or another array, an SSH
 * session, or a server that a file system comes from. A function is used when it, one below it, or one of its IOMMU group
 * is. What cannot be read counts as use of every function that could be meant: in doubt the machine is kept.
 *
 * Not seen: policy routing (the main tables are read), other network namespaces, and what programs do with a disk that is
 * not mounted.
 * @param addresses as `0000:01:00.0`
 */
export function machineUses(addresses: readonly string[], places: MachinePlaces = {}): readonly MachineUse[] {
  const files = new SystemFiles(places.root)
  const used = usedFunctions(files, places.sshConnection)
  return addresses.flatMap((address) => {
    const own = (used.get(address) ?? []).map((phrase) => ({ address, ...phrase }))
    const members = groupOf(files, address)
    const theirs = members.flatMap((member) =>
      (used.get(member) ?? []).map(({ use, label }) => ({
        address,
        use: `shares its IOMMU group with ${member}, which ${use}`,
        label,
      })),
    )
    return [...own, ...theirs]
  })
}

/**
 * Call it with a function before taking it from its driver, resetting it or giving it a device's power over memory.
 * @throws ProbarError device-protected
 */
export function refuseMachineUse(addresses: readonly string[], places: MachinePlaces = {}): void {
  const [first, ...more] = machineUses(addresses, places)
  if (first === undefined) return
  const others = more.length === 0 ? '' : `, and ${more.length} more ${more.length === 1 ? 'use' : 'uses'}`
  throw new ProbarError(
    'device-protected',
    `${first.address} ${first.use}${others}: the machine lives on it, so it is not taken, and no flag overrides that; ` +
      `'probar doctor --device ${first.address}' lists every use. End them, or choose another device`,
  )
}

/** The other functions of its IOMMU group. */
function groupOf(files: SystemFiles, address: string): readonly string[] {
  return files.names(`/sys/bus/pci/devices/${address}/iommu_group/devices`).filter((member) => member !== address)
}
