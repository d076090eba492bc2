import { Command } from 'commander'
import { diagnose } from '../../session/machine/diagnose.ts'
import { repairDevices } from '../../session/machine/repair-devices.ts'
import { reporting, settle } from '../command.ts'
import { type CliIo, ExitStatus } from '../io.ts'
import { asText } from './text.ts'

interface Options {
  readonly device?: string
  readonly profile?: string
  readonly wait?: boolean
  readonly json?: boolean
  readonly repair?: boolean
}

/** `probar doctor` */
export function doctorCommand(io: CliIo): Command {
  return settle(new Command('doctor'), io)
    .description('say what a run needs of this machine, what is there, and what mends the rest')
    .option('--device <ref>', 'a PCI address, or one with a back end as in iommufd:0000:01:00.0: this device too')
    .option('--profile <name|file>', "the device's profile, as for a run")
    .option('--wait', 'for a run with --wait: that another run has the device is only a warning')
    .option('--repair', 'first give back what runs that died could not; needs root')
    .option('--json', 'as JSON')
    .action(({ device, profile, wait = false, json = false, repair = false }: Options) =>
      reporting(io, () => {
        const repaired = repair ? repairDevices() : []
        for (const { text } of repaired) io.stderr.write(`${text}\n`)
        const diagnosis = diagnose({ device, profile, waits: wait, sshConnection: io.env['SSH_CONNECTION'] })
        io.stdout.write(
          json
            ? `${JSON.stringify(repair ? { ...diagnosis, repaired } : diagnosis, undefined, 2)}\n`
            : asText(diagnosis, page(io)),
        )
        const mended = repaired.every(({ state }) => state !== 'failed')
        return diagnosis.ready && mended ? ExitStatus.ok : ExitStatus.notReady
      }),
    )
}

/** Lines are broken to a terminal's width; elsewhere they come whole, for grep. */
function page({ stdout, env }: CliIo): { readonly columns: number; readonly colours: boolean } {
  const terminal = stdout.isTTY === true
  const colours = terminal && env['TERM'] !== 'dumb' && (env['NO_COLOR'] ?? '') === ''
  return { columns: terminal ? stdout.columns || 80 : Number.POSITIVE_INFINITY, colours }
}
