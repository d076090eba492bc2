import type { ListedDevice } from '../../session/machine/list-devices.ts'
import { barText } from '../inspect/bars.ts'
import { idPair, shortReference } from './ids.ts'

/** A paragraph a device, with what the table has no room for. */
export function details(device: ListedDevice): string {
  const { vendor, device: id, classCode, names, revision } = device
  const code = classCode.toString(16).padStart(6, '0')
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['id', `${idPair(vendor, id)}, revision ${revision.toString(16).padStart(2, '0')}`],
    ['name', [names.vendor, names.device].filter((name) => name !== undefined).join(' ') || undefined],
    ['subsystem', subsystem(device)],
    ['class', names.class === undefined ? code : `${code}, ${names.class}`],
    ['driver', device.driver ?? 'none'],
    ['IOMMU group', groupOf(device)],
    ['NUMA node', device.numaNode === undefined ? undefined : String(device.numaNode)],
    ...device.bars.map((bar) => [`BAR ${bar.index}`, barText({ ...bar, address: bar.start, enabled: true })] as const),
    ['profile', device.profiles.join(', ') || 'none matches'],
    ['state', device.problem ?? device.remark ?? 'ready'],
  ]
  const lines = rows.flatMap(([label, text]) => (text === undefined ? [] : [`    ${label.padEnd(12)} ${text}\n`]))
  return `${shortReference(device)}\n${lines.join('')}`
}

function subsystem({ subsystemVendor, subsystem: id, names }: ListedDevice): string | undefined {
  if (subsystemVendor === 0 && id === 0) return undefined
  const pair = idPair(subsystemVendor, id)
  return names.subsystem === undefined ? pair : `${pair}, ${names.subsystem}`
}

function groupOf({ group, groupMembers }: ListedDevice): string {
  if (group === undefined) return 'none'
  return groupMembers.length === 0 ? `${group}, alone in it` : `${group}, with ${groupMembers.join(', ')}`
}
