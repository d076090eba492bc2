import { Command } from 'commander'
import {
  type BoundFunction,
  type UnboundFunction,
  bindDevice,
  unbindDevice,
} from '../../session/machine/take-device.ts'
import { reporting, settle } from '../command.ts'
import { type CliIo, ExitStatus } from '../io.ts'
import { table } from '../table.ts'
import { takingOf, waitOption } from './wait.ts'

interface Options {
  readonly wait?: number | true
  readonly json?: boolean
}

/** `probar bind` */
export function bindCommand(io: CliIo): Command {
  return withOptions(new Command('bind'), io)
    .description('take a device and its IOMMU group from their drivers and leave them with vfio-pci')
    .action((ref: string, { wait, json }: Options) =>
      reporting(io, async () => {
        const functions = await bindDevice(ref, takingOf(`probar bind ${ref}`, wait, io))
        return print(functions, json, functions.map(boundRow), io)
      }),
    )
}

/** `probar unbind` */
export function unbindCommand(io: CliIo): Command {
  return withOptions(new Command('unbind'), io)
    .description('give a device and its IOMMU group back to the drivers that they had')
    .action((ref: string, { wait, json }: Options) =>
      reporting(io, async () => {
        const functions = await unbindDevice(ref, takingOf(`probar unbind ${ref}`, wait, io))
        return print(functions, json, functions.map(unboundRow), io)
      }),
    )
}

function withOptions(command: Command, io: CliIo): Command {
  return settle(command, io)
    .argument('<ref>', 'a PCI address such as 0000:03:00.0')
    .addOption(waitOption())
    .option('--json', 'what was done, as JSON')
}

function print(
  functions: readonly unknown[],
  json: boolean | undefined,
  rows: readonly string[][],
  io: CliIo,
): ExitStatus {
  const text =
    json === true ? `${JSON.stringify(functions, undefined, 2)}\n` : table(['DEVICE', 'NOW', 'WHAT WAS DONE'], rows)
  io.stdout.write(text)
  return ExitStatus.ok
}

function boundRow({ address, state, from }: BoundFunction): string[] {
  return [address, 'vfio-pci', state === 'kept' ? 'nothing, it was there' : `taken from ${from ?? 'no driver'}`]
}

function unboundRow({ address, state, driver }: UnboundFunction): string[] {
  const done = {
    back: 'given back',
    released: 'let go; the kernel chose, for no journal knows its driver',
    free: 'nothing, vfio-pci did not have it',
    gone: 'nothing, it is there no more',
  } as const
  return [address, driver ?? 'no driver', done[state]]
}
