import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../../base/clock.ts'
import type { KernelChoice } from '../../lab/boot-files.ts'
import { outFolder, visibleInGuest } from '../../lab/out-folder.ts'
import { ACCELERATORS, IOMMUS, type Accelerator, type Iommu } from '../../lab/qemu/arguments.ts'
import { runLab, type LabHost } from '../../lab/run.ts'
import { setUpLab } from '../../lab/setup.ts'
import { collect, reporting, settle } from '../command.ts'
import { ExitStatus, type CliIo } from '../io.ts'
import { BENCH_DEVICES, presentationsOf } from './lab-devices.ts'
import { packageRoot } from '../package.ts'

interface RunOptions {
  readonly devices: string
  readonly qemuDevice: readonly string[]
  readonly iommu: Iommu
  readonly kernel: string
  readonly bind: 'vfio' | 'none'
  readonly leave: readonly string[]
  readonly out?: string
  readonly timeout: number
  readonly memory: number
  readonly accel: Accelerator
  readonly verbose?: boolean
}

/** `probar lab`: the virtual bench (docs/lab.md). */
export function labCommand(io: CliIo): Command {
  const lab = settle(new Command('lab'), io)
    .description('a QEMU guest with an emulated IOMMU and PCI devices')
    .enablePositionalOptions()
  lab.addCommand(runCommand(io)).addCommand(setupCommand(io))
  return lab
}

function runCommand(io: CliIo): Command {
  return settle(new Command('run'), io)
    .description('boot the guest, run COMMAND in it in the current folder, return its exit status')
    .argument('<command...>', 'a program and its arguments; or one quoted line for the shell of the guest')
    .option(
      '--devices <list>',
      `profiles of the devices, comma-separated; all (${BENCH_DEVICES.length}), or none`,
      'qemu-edu',
    )
    .option('--qemu-device <args>', 'a further device as QEMU writes it (repeatable)', collect, [])
    .addOption(new Option('--iommu <kind>', 'the IOMMU').choices(IOMMUS).default('intel'))
    .option(
      '--kernel <kernel>',
      'stock (of Debian), own (built here, minutes, once), or a file: vmlinux or bzImage',
      'stock',
    )
    .option('--leave <device>', 'leave this profile or address to its own driver (repeatable)', collect, [])
    .addOption(new Option('--bind <driver>', 'the driver of the devices').choices(['vfio', 'none']).default('vfio'))
    .option('--out <dir>', 'empty folder for what COMMAND writes under $PROBAR_OUT (default: a fresh one in out/)')
    .option('--timeout <seconds>', 'ends a guest that takes longer', atLeast(1, 86_400, 'seconds'), 300)
    .option('--memory <MiB>', 'memory of the guest', atLeast(256, 1 << 20, 'MiB'), 1024)
    .addOption(new Option('--accel <kind>', 'how QEMU runs code').choices(ACCELERATORS).default('tcg'))
    .option('--verbose', "show the guest's kernel log while it comes")
    .passThroughOptions()
    .action((command: string[], options: RunOptions) => reporting(io, () => run(command, options, io)))
}

const KERNEL_HELP = "stock: Debian's; own: built here from Debian's source, with iommufd and noiommu (minutes, once)"

function setupCommand(io: CliIo): Command {
  return settle(new Command('setup'), io)
    .description('install what the bench needs (as root) and prepare its kernel')
    .addOption(new Option('--kernel <kernel>', KERNEL_HELP).choices(['stock', 'own']).default('stock'))
    .action((options: { readonly kernel: 'stock' | 'own' }) =>
      reporting(io, async () => {
        const { kernel } = await setUpLab({ kind: options.kernel }, hostOf(io), process.getuid?.() === 0)
        io.stderr.write(`lab: ready, ${kernel}\n`)
        return ExitStatus.ok
      }),
    )
}

async function run(command: readonly string[], options: RunOptions, io: CliIo): Promise<ExitStatus> {
  const kernel = kernelChoice(options.kernel, io.cwd)
  const folder = visibleInGuest(io.cwd)
  const devices = presentationsOf(options.devices, io.cwd)
  const out = await outFolder(options.out ?? io.env['PROBAR_OUT'], io.cwd)
  io.stderr.write(`lab: output folder ${out}\n`)
  if (options.iommu === 'none' && options.bind === 'vfio' && kernel.kind === 'stock') {
    io.stderr.write("lab: Debian's vfio-pci takes no device without an IOMMU, so none is bound; --kernel own can\n")
  }
  const { timeout, memory, accel, qemuDevice, bind, leave, iommu, verbose = false } = options
  const outcome = await runLab(
    {
      command,
      folder,
      out,
      devices,
      kernel,
      bind,
      leave,
      iommu,
      verbose,
      passedThrough: qemuDevice,
      accelerator: accel,
      memoryMiB: memory,
      timeoutMs: timeout * 1000,
    },
    hostOf(io),
  )
  const [boot, ran] = [outcome.bootMs, outcome.commandMs].map((ms) => (ms / 1000).toFixed(1))
  io.stderr.write(`lab: guest up after ${boot} s, COMMAND took ${ran} s, exit status ${outcome.status}\n`)
  return outcome.status
}

function hostOf(io: CliIo): LabHost {
  const root = packageRoot()
  return {
    stdout: io.stdout,
    stderr: io.stderr,
    env: io.env,
    signal: io.signal,
    clock: systemClock,
    pid: process.pid,
    node: process.execPath,
    temporaryFolder: tmpdir(),
    probarMain: join(root, 'dist/cli/main.js'),
    parts: join(root, 'lab'),
    cacheFolder: join(root, '.cache/lab'),
    endMark: `end of output ${randomUUID()}`,
  }
}

function kernelChoice(kernel: string, cwd: string): KernelChoice {
  if (kernel === 'stock') return { kind: 'stock' }
  if (kernel === 'own') return { kind: 'own' }
  return { kind: 'file', path: resolve(cwd, kernel) }
}

const atLeast =
  (least: number, most: number, unit: string) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number of ${unit} from ${least} to ${most}.`)
  }
