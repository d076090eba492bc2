import { Command } from 'commander'
import { hex } from '../base/hex.ts'
import { type ListedDevice, listDevices } from '../session/list-devices.ts'
import { reporting, settle } from './command.ts'
import { type CliIo, ExitStatus } from './io.ts'
import { table } from './table.ts'

/** `probar devices` */
export function devicesCommand(io: CliIo): Command {
  return settle(new Command('devices'), io)
    .description('list the devices that a run can be given, and why not')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) =>
      reporting(io, () => {
        const devices = listDevices()
        io.stdout.write(
          options.json === true ? `${JSON.stringify(devices.map(asJson), undefined, 2)}\n` : asTable(devices),
        )
        return ExitStatus.ok
      }),
    )
}

const idOf = ({ vendor, device }: ListedDevice): string => `${hex(vendor, 4)}:${hex(device, 4)}`.replaceAll('0x', '')

function asTable(devices: readonly ListedDevice[]): string {
  const rows = devices.map((device) => [
    device.ref,
    idOf(device),
    hex(device.classCode, 6).slice(2),
    device.driver ?? '-',
    device.group === undefined ? '-' : String(device.group),
    device.profiles.join(',') || '-',
    device.problem ?? 'ready',
  ])
  return table(['DEVICE', 'ID', 'CLASS', 'DRIVER', 'GROUP', 'PROFILE', 'STATE'], rows)
}

function asJson(listed: ListedDevice): object {
  const { ref, vendor, device, revision, classCode, driver, group, profiles, problem } = listed
  return {
    ref,
    vendor: hex(vendor, 4),
    device: hex(device, 4),
    revision: hex(revision, 2),
    class: hex(classCode, 6),
    driver,
    group,
    profiles,
    ready: problem === undefined,
    problem,
  }
}
