import { EVERY_WAY, type Finding, type State, asRoot } from '../finding.ts'
import type { MachineFacts } from '../machine-facts.ts'
import type { ModuleState } from '../module-state.ts'

const STATES: Readonly<Record<ModuleState, State>> = {
  loaded: 'ok',
  'built-in': 'ok',
  loadable: 'bad',
  missing: 'bad',
  untold: 'bad',
}

const WORDS: Readonly<Record<ModuleState, string>> = {
  loaded: 'loaded',
  'built-in': 'built in',
  loadable: 'not loaded',
  missing: 'not in this kernel',
  untold: 'not loaded',
}

/** vfio-pci for every way, type 1 and the container's file for those that go through a group. */
export function modulesFinding(facts: MachineFacts): Finding {
  const { vfio_pci: pci, vfio_iommu_type1: type1 } = facts.modules
  const off = Object.entries({ 'vfio-pci': pci, vfio_iommu_type1: type1 }).filter(
    ([, state]) => STATES[state] === 'bad',
  )
  const missing = off.some(([, state]) => state === 'missing')
  // A run of root's loads vfio-pci, and that brings type 1 with it.
  const loads = facts.user.root && !missing && STATES[pci] === 'bad'
  const node = facts.containerNode
  const remarks = [
    ...(missing
      ? ['install a kernel with CONFIG_VFIO_PCI and CONFIG_VFIO_IOMMU_TYPE1, as those of distributions']
      : []),
    ...(loads ? ['a run loads them'] : []),
    ...(off.length === 0 && node === 'absent' ? ['/dev/vfio/vfio is not there: pass it into this container'] : []),
    ...(node === 'denied' ? ['/dev/vfio/vfio may not be opened by this user'] : []),
  ]
  const loading = missing ? [] : off.map(([name]) => `modprobe ${name}`)
  const usable = off.length === 0 && node === 'granted'
  return {
    check: 'vfio',
    title: 'VFIO modules',
    state: usable ? 'ok' : loads ? 'warn' : 'bad',
    found: [`vfio-pci is ${WORDS[pci]}, vfio_iommu_type1 is ${WORDS[type1]}`, ...remarks].join('; '),
    why: 'vfio-pci hands a device to a program; type 1 maps memory for it.',
    mend: asRoot(...loading, ...(node === 'denied' ? ['chmod 666 /dev/vfio/vfio'] : [])),
    ways: STATES[pci] === 'bad' ? EVERY_WAY : ['vfio'],
    short: 'vfio-pci not loaded',
  }
}

export function iommufdFinding({ modules, iommufdNode, user }: MachineFacts): Finding {
  const base = {
    check: 'iommufd',
    title: 'iommufd',
    why: "The kernel's newer interface, which has no limit of mappings. Nothing lacks without it.",
    ways: ['iommufd'] as const,
    short: 'no iommufd',
    mend: [],
  }
  if (iommufdNode === 'granted') return { ...base, state: 'ok', found: '/dev/iommu may be opened' }
  if (iommufdNode === 'denied') {
    return {
      ...base,
      state: 'bad',
      found: '/dev/iommu may not be opened',
      mend: asRoot(`chown ${user.name} /dev/iommu`),
    }
  }
  if (modules.iommufd === 'loadable') {
    return { ...base, state: 'bad', found: 'iommufd is not loaded', mend: asRoot('modprobe iommufd'), otherwise: 'ok' }
  }
  return { ...base, state: 'bad', found: 'not in this kernel', otherwise: 'ok' }
}

export function noIommuFinding({ noIommuMode, udmabuf }: MachineFacts): Finding {
  const base = {
    check: 'noiommu',
    title: 'noiommu mode',
    why: 'Hands devices out without an IOMMU: the device can then overwrite any memory.',
    ways: ['noiommu'] as const,
    short: 'noiommu mode is off',
    mend: [],
  }
  if (noIommuMode === undefined) return { ...base, state: 'bad', found: 'not in this kernel (CONFIG_VFIO_NOIOMMU)' }
  if (!noIommuMode) {
    const mend = asRoot('echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode')
    return { ...base, state: 'bad', found: 'off', mend }
  }
  if (udmabuf === 'granted') return { ...base, state: 'ok', found: 'on' }
  if (udmabuf === 'absent')
    return { ...base, state: 'bad', found: 'on, but this kernel has no /dev/udmabuf (CONFIG_UDMABUF)' }
  return { ...base, state: 'bad', found: 'on, but /dev/udmabuf may not be opened: run as root' }
}
