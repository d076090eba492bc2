import type { Finding } from '../finding.ts'
import { EVERY_WAY, asRoot, asUser } from '../finding.ts'
import { iommuFinding, remappingFinding } from './iommu.ts'
import { iommufdFinding, modulesFinding, noIommuFinding } from './interface.ts'
import type { MachineFacts } from '../machine-facts.ts'
import { leftoversFinding } from './leftovers.ts'
import { entryLimitFinding, hugePagesFinding, lockedMemoryFinding } from './memory.ts'

/** What a session needs. */
export interface Need {
  /** Bytes that it may have mapped to the device at once, at most. */
  readonly mappedBytes: number
  /** `built`, or why the native addon is not in use. */
  readonly addon: string
}

/** Every line that does not depend on a device. */
export function machineFindings(facts: MachineFacts, need: Need): readonly Finding[] {
  return [
    kernelFinding(facts),
    addonFinding(need),
    iommuFinding(facts),
    remappingFinding(facts),
    modulesFinding(facts),
    iommufdFinding(facts),
    noIommuFinding(facts),
    lockedMemoryFinding(facts, need),
    entryLimitFinding(facts, need),
    hugePagesFinding(facts, need),
    lockdownFinding(facts),
    kernelLogFinding(facts),
    leftoversFinding(facts),
  ]
}

/** The oldest kernel that Probar was tried on. */
const OLDEST = [6, 1] as const

function kernelFinding({ release }: MachineFacts): Finding {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release ?? '') ?? []
  const base = {
    check: 'kernel',
    title: 'Kernel',
    why: 'The kernel hands devices out; what it can do differs by version.',
    mend: [],
    ways: EVERY_WAY,
  }
  if (major === undefined || minor === undefined) {
    return { ...base, state: 'unknown', found: `not told in /proc/sys/kernel/osrelease` }
  }
  const old = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1])
  const remark = old ? `; Probar was not tried on kernels before ${OLDEST.join('.')}` : ''
  return { ...base, state: old ? 'warn' : 'ok', found: `Linux ${release}${remark}` }
}

function addonFinding({ addon }: Need): Finding {
  return {
    check: 'addon',
    title: 'Native addon',
    state: addon === 'built' ? 'ok' : 'bad',
    found: addon,
    why: "Registers and the kernel's interfaces are reached through it.",
    mend: addon === 'built' ? [] : asUser('node native/install.mjs --required'),
    ways: EVERY_WAY,
    short: 'addon not built',
  }
}

const LOCKDOWN = {
  none: ['ok', 'off'],
  integrity: ['warn', 'integrity: sysfs refuses to write config space, only signed modules are loaded'],
  confidentiality: ['warn', 'confidentiality: as integrity, and the kernel keeps addresses to itself'],
  untold: ['unknown', 'not told: /sys/kernel/security is not mounted'],
} as const

function lockdownFinding({ lockdown }: MachineFacts): Finding {
  const [state, found] = LOCKDOWN[lockdown]
  return {
    check: 'lockdown',
    title: 'Lockdown',
    state,
    found,
    why: 'With Secure Boot the kernel takes abilities from root; VFIO itself it leaves.',
    mend: state === 'unknown' ? asRoot('mount -t securityfs securityfs /sys/kernel/security') : [],
    ways: EVERY_WAY,
  }
}

function kernelLogFinding({ kernelLog }: MachineFacts): Finding {
  return {
    check: 'kernel-log',
    title: 'Kernel log',
    state: kernelLog === 'granted' ? 'ok' : 'warn',
    found: { granted: 'readable', denied: 'not readable for this user', absent: '/dev/kmsg is not there' }[kernelLog],
    why: 'IOMMU faults are seen there; the case that looks for one ends in error without it.',
    mend: kernelLog === 'denied' ? asRoot('sysctl -w kernel.dmesg_restrict=0') : [],
    ways: WITH_FAULTS,
  }
}

const WITH_FAULTS = ['vfio', 'iommufd'] as const
