import type { DeviceFacts, Node } from '../device-facts.ts'
import { type Finding, type Way, asRoot } from '../finding.ts'
import type { User } from '../machine-facts.ts'

/** The files by which a program gets the device; there are none before vfio-pci has it. */
export function nodeFindings({ fn, groupNode, deviceNode, noIommu }: DeviceFacts, user: User): readonly Finding[] {
  if (fn.driver !== 'vfio-pci' || fn.iommuGroup === undefined) return []
  const group = nodeFinding('group-node', 'Group file', noIommu ? ['noiommu'] : ['vfio'], groupNode, user)
  return noIommu ? [group] : [group, deviceFileFinding(deviceNode, user), behindIommu(fn.iommuGroup)]
}

/** noiommu mode is for functions that no IOMMU stands in front of, and never takes another. */
function behindIommu(group: number): Finding {
  return {
    check: 'noiommu-device',
    title: 'Without IOMMU',
    state: 'bad',
    found: `it is behind an IOMMU (group ${group}): use vfio or iommufd, which keep it from memory that is not its own`,
    why: 'noiommu mode is for a device that nothing protects anyhow.',
    mend: [],
    ways: ['noiommu'],
    short: 'behind an IOMMU',
  }
}

function nodeFinding(check: string, title: string, ways: readonly Way[], { path, access }: Node, user: User): Finding {
  const found = { granted: 'may be opened', denied: 'may not be opened by this user', absent: 'is not there' }[access]
  return {
    check,
    title,
    state: access === 'granted' ? 'ok' : 'bad',
    found: `${path} ${found}`,
    why: 'Who may open this file may use the device.',
    mend: access === 'denied' ? asRoot(`chown ${user.name} ${path}`) : [],
    ways,
    short: access === 'denied' ? `no permission: ${path}` : `${path} is not there`,
  }
}

function deviceFileFinding(node: Node | undefined, user: User): Finding {
  if (node !== undefined) return nodeFinding('device-node', 'Device file', ['iommufd'], node, user)
  return {
    check: 'device-node',
    title: 'Device file',
    state: 'bad',
    found: 'this kernel makes none (CONFIG_VFIO_DEVICE_CDEV, from 6.6 on)',
    why: 'iommufd takes a device by a file of its own.',
    mend: [],
    ways: ['iommufd'],
    short: 'no device file',
    otherwise: 'ok',
  }
}
