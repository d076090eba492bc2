import { type Leftover, readLeftovers } from './leftovers.ts'
import { hugePageFacts, lockedMemory, type HugePages, type LockedMemory } from './memory-facts.ts'
import { type ModuleState, moduleState } from './module-state.ts'
import type { Access, SystemFiles } from '../system-files.ts'

/** What the machine tells of itself, before anybody judges it. */
export interface MachineFacts {
  /** `6.1.0-18-amd64`; undefined where /proc is not as Linux has it. */
  readonly release: string | undefined
  readonly user: User
  readonly iommu: IommuFacts
  readonly interrupts: 'remapped' | 'direct' | 'untold'
  /** Module parameters that allow devices to raise any interrupt, where they are there. */
  readonly unsafeInterrupts: { readonly vfio: boolean | undefined; readonly iommufd: boolean | undefined }
  readonly modules: Readonly<Record<ModuleName, ModuleState>>
  readonly containerNode: Access
  readonly iommufdNode: Access
  readonly lockedMemory: LockedMemory | undefined
  /** Mappings that type 1 allows a program at once; undefined where the module does not tell. */
  readonly dmaEntryLimit: number | undefined
  readonly hugePages: HugePages
  readonly udmabuf: Access
  readonly noIommuMode: boolean | undefined
  readonly lockdown: 'none' | 'integrity' | 'confidentiality' | 'untold'
  readonly kernelLog: Access
  readonly leftovers: readonly Leftover[]
}

/** Who asks, by the effective user id. */
export interface User {
  readonly root: boolean
  /** As commands take it: a name, or a number without one. */
  readonly name: string
}

export interface IommuFacts {
  /** Units: `dmar0`. */
  readonly units: readonly string[]
  /** How many groups there are, without those that noiommu mode makes. */
  readonly groups: number
  /** ACPI tables by which firmware tells of an IOMMU: DMAR, IVRS, VIOT. */
  readonly tables: readonly string[]
  readonly commandLine: string
  readonly vendor: 'intel' | 'amd' | undefined
  /** /etc/default/grub is there. */
  readonly grub: boolean
  /** Firmware is UEFI, whose set-up a reboot can lead to. */
  readonly efi: boolean
}

export type ModuleName = 'vfio_pci' | 'vfio_iommu_type1' | 'iommufd'

export function readMachineFacts(files: SystemFiles): MachineFacts {
  const release = files.text('/proc/sys/kernel/osrelease')?.trim()
  const module = (name: ModuleName): ModuleState => moduleState(files, name, release)
  return {
    release,
    user: readUser(files),
    iommu: readIommuFacts(files),
    interrupts: interruptRemapping(files.text('/proc/interrupts') ?? ''),
    unsafeInterrupts: { vfio: flag(files, 'vfio_iommu_type1', UNSAFE), iommufd: flag(files, 'iommufd', UNSAFE) },
    modules: {
      vfio_pci: module('vfio_pci'),
      vfio_iommu_type1: module('vfio_iommu_type1'),
      iommufd: module('iommufd'),
    },
    containerNode: files.access('/dev/vfio/vfio'),
    iommufdNode: files.access('/dev/iommu'),
    lockedMemory: lockedMemory(files),
    dmaEntryLimit: numberIn(files, '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'),
    hugePages: hugePageFacts(files),
    udmabuf: files.access('/dev/udmabuf'),
    noIommuMode: flag(files, 'vfio', 'enable_unsafe_noiommu_mode'),
    lockdown: readLockdown(files),
    kernelLog: files.access('/dev/kmsg', false),
    leftovers: readLeftovers(files),
  }
}

export function readUser(files: SystemFiles): User {
  const id = /^Uid:\s+\d+\s+(\d+)\s/m.exec(files.text('/proc/self/status') ?? '')?.[1] ?? '0'
  const name = new RegExp(`^([^:\\n]+):[^:]*:${id}:`, 'm').exec(files.text('/etc/passwd') ?? '')?.[1]
  return { root: id === '0', name: name ?? id }
}

const UNSAFE = 'allow_unsafe_interrupts'

function flag(files: SystemFiles, module: string, parameter: string): boolean | undefined {
  const text = files.text(`/sys/module/${module}/parameters/${parameter}`)?.trim()
  return text === undefined ? undefined : text === 'Y' || text === '1'
}

export function numberIn(files: SystemFiles, path: string): number | undefined {
  const text = files.text(path)?.trim()
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text)
}

function readIommuFacts(files: SystemFiles): IommuFacts {
  const groups = files
    .names('/sys/kernel/iommu_groups')
    .filter((group) => files.text(`/sys/kernel/iommu_groups/${group}/name`)?.trim() !== 'vfio-noiommu')
  const cpu = files.text('/proc/cpuinfo') ?? ''
  return {
    units: files.names('/sys/class/iommu'),
    groups: groups.length,
    tables: files.names('/sys/firmware/acpi/tables').filter((name) => /^(?:DMAR|IVRS|VIOT)$/.test(name)),
    commandLine: files.text('/proc/cmdline')?.trim() ?? '',
    vendor: cpu.includes('GenuineIntel') ? 'intel' : cpu.includes('AuthenticAMD') ? 'amd' : undefined,
    grub: files.exists('/etc/default/grub'),
    efi: files.exists('/sys/firmware/efi'),
  }
}

/**
 * The kernel names the controllers of interrupts that it remaps with `IR-` in front (x86: arch/x86/kernel/apic), and every
 * user may read that. Other processors have other names, of which nothing is concluded.
 */
function interruptRemapping(text: string): MachineFacts['interrupts'] {
  if (/\sIR-(?:PCI-MSI|IO-APIC)/.test(text)) return 'remapped'
  return /\s(?:PCI-MSI|IO-APIC)/.test(text) ? 'direct' : 'untold'
}

/** A kernel without /sys/kernel/security has no security modules, and so no lockdown; an empty one is not mounted. */
function readLockdown(files: SystemFiles): MachineFacts['lockdown'] {
  const text = files.text('/sys/kernel/security/lockdown')
  const chosen = /\[(\w+)\]/.exec(text ?? '')?.[1]
  if (chosen === 'none' || chosen === 'integrity' || chosen === 'confidentiality') return chosen
  const absent = !files.exists('/sys/kernel/security') || files.names('/sys/kernel/security').length > 0
  return text === undefined && absent ? 'none' : 'untold'
}
