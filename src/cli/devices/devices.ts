import { Command } from 'commander'
import { listDevices } from '../../session/machine/list-devices.ts'
import { reporting, settle } from '../command.ts'
import { type CliIo, ExitStatus } from '../io.ts'
import { details } from './details.ts'
import { asJson } from './json.ts'
import { asTable } from './table.ts'

interface Options {
  readonly json?: boolean
  readonly verbose?: boolean
}

/** `probar devices` */
export function devicesCommand(io: CliIo): Command {
  return settle(new Command('devices'), io)
    .description('list the devices that a run can be given, and why not')
    .option('--verbose', 'names, BARs, NUMA node and the other functions of the IOMMU group too')
    .option('--json', 'all of it, as JSON')
    .action(({ json = false, verbose = false }: Options) =>
      reporting(io, () => {
        const devices = listDevices()
        if (json) io.stdout.write(`${JSON.stringify(devices.map(asJson), undefined, 2)}\n`)
        else
          io.stdout.write(verbose ? devices.map(details).join('\n') : asTable(devices, io.stdout.columns || undefined))
        return ExitStatus.ok
      }),
    )
}
