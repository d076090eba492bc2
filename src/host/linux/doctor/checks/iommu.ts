import { type Finding, type Mend, WITH_IOMMU, asRoot } from '../finding.ts'
import type { IommuFacts, MachineFacts } from '../machine-facts.ts'

export function iommuFinding({ iommu }: MachineFacts): Finding {
  const base = {
    check: 'iommu',
    title: 'IOMMU',
    why: 'It keeps the device from memory that is not meant for it, and shows what it does.',
    ways: WITH_IOMMU,
    short: 'no IOMMU',
  }
  if (iommu.groups > 0) {
    const units = iommu.units.length === 0 ? 'on' : `on (${listed(iommu.units)})`
    return { ...base, state: 'ok', found: `${units}, ${iommu.groups} groups`, mend: [] }
  }
  return { ...base, state: 'bad', ...offBecause(iommu) }
}

function listed(units: readonly string[]): string {
  return units.length <= 4 ? units.join(', ') : `${units.slice(0, 3).join(', ')} and ${units.length - 3} more`
}

/** Words on the kernel's command line that turn it off. */
const OFF = /(?:^|\s)((?:intel_iommu|amd_iommu|iommu)=off)(?:\s|$)/

function offBecause({ tables, commandLine, vendor, grub, efi, units }: IommuFacts): Pick<Finding, 'found' | 'mend'> {
  const word = OFF.exec(commandLine)?.[1]
  if (word !== undefined) {
    const found = `turned off by '${word}' on the kernel's command line; take it out of the boot loader's configuration`
    return { found, mend: bootOption(grub, `sed -i 's/ *${word}//' /etc/default/grub`) }
  }
  if (tables.length > 0 || units.length > 0) {
    const option = vendor === 'amd' ? 'amd_iommu=on' : 'intel_iommu=on'
    const found = `firmware has one (table ${tables.join(', ') || 'unknown'}), but the kernel does not use it: boot with ${option}`
    return { found, mend: bootOption(grub, `sed -i 's/^GRUB_CMDLINE_LINUX="/&${option} /' /etc/default/grub`) }
  }
  const name = { intel: 'VT-d', amd: 'AMD-Vi (IOMMU)', none: 'VT-d or AMD-Vi' }[vendor ?? 'none']
  return {
    found: `none: firmware tells of none. Turn ${name} on in its set-up, if the machine has it`,
    mend: efi ? asRoot('systemctl reboot --firmware-setup') : [],
  }
}

const bootOption = (grub: boolean, edit: string): readonly Mend[] => (grub ? asRoot(edit, 'update-grub', 'reboot') : [])

export function remappingFinding({ interrupts, unsafeInterrupts, iommu }: MachineFacts): Finding {
  const base = {
    check: 'interrupt-remapping',
    title: 'Interrupt remapping',
    why: 'Without it a device could raise any interrupt of the machine, so the kernel refuses it.',
    ways: WITH_IOMMU,
    short: 'no interrupt remapping',
    mend: [],
  }
  if (interrupts === 'remapped')
    return { ...base, state: 'ok', found: 'on (interrupts are named IR-… in /proc/interrupts)' }
  if (interrupts === 'untold') return { ...base, state: 'unknown', found: '/proc/interrupts does not tell it here' }
  if (iommu.groups === 0) return { ...base, state: 'unknown', found: 'off, as there is no IOMMU that could do it' }
  const allowed = [unsafeInterrupts.vfio, unsafeInterrupts.iommufd].filter((flag) => flag !== undefined)
  if (allowed.includes(true)) {
    return { ...base, state: 'warn', found: 'off, and allow_unsafe_interrupts lets devices be used all the same' }
  }
  const modules = ['vfio_iommu_type1', ...(unsafeInterrupts.iommufd === undefined ? [] : ['iommufd'])]
  const commands = modules.map((module) => `echo Y > /sys/module/${module}/parameters/allow_unsafe_interrupts`)
  const found =
    'off: no interrupt is named IR-… in /proc/interrupts. The firmware has a switch for it beside VT-d; or allow it'
  return { ...base, state: 'bad', found, mend: asRoot(...commands) }
}
