import { machineFindings } from '../../../../src/host/linux/doctor/checks/machine.ts'
import type { Finding } from '../../../../src/host/linux/doctor/finding.ts'
import { type MachineFacts, readMachineFacts } from '../../../../src/host/linux/doctor/machine-facts.ts'
import { SystemFiles } from '../../../../src/host/linux/system-files.ts'
import { FakeMachine, type Tree } from '../machine-use/fake-machine.ts'

export const NEED = { mappedBytes: 16 * 2 ** 20, addon: 'built' }

/** A machine on which every line is ok, through each interface. */
export const HEALTHY: Tree = {
  '/proc/sys/kernel/osrelease': '6.12.9\n',
  '/proc/self/status': 'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n',
  '/proc/self/limits': limits('unlimited', 'unlimited'),
  '/proc/cmdline': 'quiet intel_iommu=on\n',
  '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\n',
  '/proc/interrupts': '           CPU0\n  0:   9   IR-IO-APIC   2-edge   timer\n 24:   0   DMAR-MSI   0-edge   dmar0\n',
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n',
  '/etc/default/grub': '',
  '/sys/firmware/efi/runtime': '',
  '/sys/firmware/acpi/tables/DMAR': '',
  '/sys/class/iommu/dmar0': '',
  '/sys/kernel/iommu_groups/0/type': '',
  '/sys/kernel/iommu_groups/1/type': '',
  '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
  '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '8\n',
  '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y\n',
  '/sys/module/vfio_pci/initstate': 'live\n',
  '/sys/module/vfio_iommu_type1/initstate': 'live\n',
  '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit': '65535\n',
  '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'N\n',
  '/sys/module/iommufd/parameters/allow_unsafe_interrupts': 'N\n',
  '/dev/vfio/vfio': '',
  '/dev/iommu': '',
  '/dev/udmabuf': '',
  '/dev/kmsg': '',
}

export function limits(soft: string, hard: string): string {
  return `Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         ${soft.padEnd(20)} ${hard.padEnd(20)} bytes     \n`
}

/** The healthy machine with these files instead, or without those that are undefined. */
export function factsOf(changes: Readonly<Record<string, string | undefined>> = {}): MachineFacts {
  const kept = Object.entries(HEALTHY).filter(([path]) => !Object.keys(changes).some((gone) => isIn(path, gone)))
  const added = Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== undefined)
  using machine = new FakeMachine(Object.fromEntries([...kept, ...added]))
  return readMachineFacts(new SystemFiles(machine.root))
}

const isIn = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

/** The line of this check about a machine. */
export function line(check: string, facts: MachineFacts, addon = 'built'): Finding {
  const found = machineFindings(facts, { ...NEED, addon }).find((finding) => finding.check === check)
  if (found === undefined) throw new Error(`there is no line ${check}`)
  return found
}

/** The commands of a line. */
export const commands = ({ mend }: Finding): readonly string[] => mend.map(({ command }) => command)
