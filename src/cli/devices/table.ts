import { shorten } from '../../report/text.ts'
import type { ListedDevice } from '../../session/machine/list-devices.ts'
import { table } from '../table.ts'
import { idPair, shortReference } from './ids.ts'

/** What a terminal has as a rule. */
const COLUMNS = 80
const CLASS_COLUMN = 2
const SHORTEST_CLASS = 8

/** One line a device. The class gives way where the other columns take much, so that it stays within the terminal. */
export function asTable(devices: readonly ListedDevice[], columns = COLUMNS): string {
  const head = ['DEVICE', 'ID', 'CLASS', 'GROUP', 'PROFILE', 'STATE']
  const rows = devices.map((device) => [
    shortReference(device),
    idPair(device.vendor, device.device),
    device.names.class ?? device.classCode.toString(16).padStart(6, '0'),
    device.group === undefined ? '-' : String(device.group),
    device.profiles.join(',') || '-',
    device.problem ?? device.remark ?? 'ready',
  ])
  const others = [0, 1, 3, 4, 5].map((column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const room = columns - others.reduce((sum, width) => sum + width + 2, 0)
  const width = Math.max(SHORTEST_CLASS, room)
  return table(
    head,
    rows.map((row) => row.map((cell, column) => (column === CLASS_COLUMN ? shorten(cell, width) : cell))),
  )
}
