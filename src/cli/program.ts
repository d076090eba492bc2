import { Command } from 'commander'
import { bindCommand, unbindCommand } from './binding/binding.ts'
import { settle } from './command.ts'
import { devicesCommand } from './devices/devices.ts'
import { doctorCommand } from './doctor/doctor.ts'
import { inspectCommand } from './inspect/inspect.ts'
import type { CliIo } from './io.ts'
import { labCommand } from './lab/lab.ts'
import { packageVersion } from './package.ts'
import { rulesCommand } from './rules/rules.ts'
import { runCommand } from './run/run.ts'

const EXIT_STATUSES = `
Exit status:
  0  proven: at least one pass, nothing failed, nothing skipped that should have run
  1  a rule is broken, or a known issue did not show
  2  wrong usage, or an invalid profile or dump
  3  the device is absent, busy or not ready
  4  Probar itself failed, or a case ended in error
  5  nothing was proven, or something was skipped that should have run
  130  interrupted, after the device was put back
`

/** The whole command line. */
export function program(io: CliIo): Command {
  const root = settle(new Command('probar'), io)
    .description('Proves on real PCI devices that the memory-mapping contracts of Windows drivers hold.')
    .version(packageVersion())
    .enablePositionalOptions()
    .addHelpText('after', EXIT_STATUSES)
  for (const command of [
    runCommand,
    devicesCommand,
    inspectCommand,
    doctorCommand,
    bindCommand,
    unbindCommand,
    rulesCommand,
    labCommand,
  ])
    root.addCommand(command(io))
  return root
}
