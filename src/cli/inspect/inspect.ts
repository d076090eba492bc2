import { resolve } from 'node:path'
import { Command } from 'commander'
import { ProbarError } from '../../base/errors.ts'
import { type InspectedDevice, inspectDevice, inspectDump } from '../../session/machine/inspect.ts'
import { reporting, settle } from '../command.ts'
import { type CliIo, ExitStatus } from '../io.ts'
import { readDump } from './dump-file.ts'
import { asJson } from './json.ts'
import { asText } from './text.ts'

interface Options {
  readonly from?: string
  readonly json?: boolean
}

/** `probar inspect [REF]` */
export function inspectCommand(io: CliIo): Command {
  return settle(new Command('inspect'), io)
    .description("show a device's config space, decoded")
    .argument('[ref]', 'a PCI address, vfio:…, loopback:edu or loopback:sg')
    .option('--from <file>', 'a dump by lspci -x, -xxx or -xxxx instead of this machine; without REF all devices in it')
    .option('--json', 'as JSON')
    .action((ref: string | undefined, { from, json = false }: Options) =>
      reporting(io, () => {
        const devices = look(ref, from === undefined ? undefined : readDump(resolve(io.cwd, from)))
        io.stdout.write(json ? jsonOf(devices, ref) : devices.map((device) => asText(device, columns(io))).join('\n'))
        return ExitStatus.ok
      }),
    )
}

function look(ref: string | undefined, dump: string | undefined): readonly InspectedDevice[] {
  if (dump !== undefined) return inspectDump(dump, ref)
  if (ref !== undefined) return [inspectDevice(ref)]
  throw new ProbarError('usage', "name a device ('probar devices' lists them), or a dump by --from FILE")
}

/** One object for one device that was asked for, else a list. */
function jsonOf(devices: readonly InspectedDevice[], ref: string | undefined): string {
  const objects = devices.map(asJson)
  return `${JSON.stringify(ref === undefined ? objects : objects[0], undefined, 2)}\n`
}

/** Lines are broken to a terminal's width; elsewhere they come whole, for grep. */
const columns = ({ stdout }: CliIo): number => (stdout.isTTY === true ? stdout.columns || 80 : Number.POSITIVE_INFINITY)
