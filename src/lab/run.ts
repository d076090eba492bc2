import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { Disposal } from '../base/disposal.ts'
import { ProbarError } from '../base/errors.ts'
import { bootFiles, type KernelChoice } from './boot-files.ts'
import { serveChannel } from './exchange/channel.ts'
import { readStatus, writeGuestFolder } from './exchange/guest-folder.ts'
import { Heartbeat } from './exchange/heartbeat.ts'
import { follow } from './exchange/output.ts'
import { performRequest } from './exchange/requests.ts'
import type { AttachedDevice, NamedPresentation } from './presentation.ts'
import { qemuArguments, type Accelerator, type Iommu } from './qemu/arguments.ts'
import { attach, boundDevices } from './qemu/attach.ts'
import { Guest } from './qemu/guest.ts'
import { runFolder } from './run-folder.ts'
import { BOOT_TOOLS, findTools } from './tools.ts'

export interface LabRequest {
  /** Words of COMMAND; a single one with white space is a line for the guest's shell. */
  readonly command: readonly string[]
  /** COMMAND's current folder: an absolute path on the host, the same in the guest. */
  readonly folder: string
  /** An empty folder that receives what COMMAND writes under `$PROBAR_OUT`: an absolute path without symbolic links. */
  readonly out: string
  readonly devices: readonly NamedPresentation[]
  readonly passedThrough: readonly string[]
  readonly bind: 'vfio' | 'none'
  /** Names or addresses of devices that stay with their own drivers. */
  readonly leave: readonly string[]
  readonly iommu: Iommu
  readonly kernel: KernelChoice
  readonly accelerator: Accelerator
  readonly memoryMiB: number
  /** For boot and COMMAND together. */
  readonly timeoutMs: number
  /** Shows the guest's kernel log while it comes. */
  readonly verbose: boolean
}

/** The machine and the process that the bench runs in. */
export interface LabHost {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly pid: number
  /** The Node.js program; the guest uses the same. */
  readonly node: string
  /** What `probar` runs in the guest. */
  readonly probarMain: string
  /** The package's folder `lab`. */
  readonly parts: string
  readonly cacheFolder: string
  readonly temporaryFolder: string
  /** A text that no output contains: it ends the guest's streams. */
  readonly endMark: string
}

export interface LabOutcome {
  /** COMMAND's exit status, 0 to 255. */
  readonly status: number
  /** From QEMU's start to COMMAND's. */
  readonly bootMs: number
  /** From COMMAND's start to its end. */
  readonly commandMs: number
}

/** Seconds without a sign of life from the guest. */
const SILENT_SECONDS = 180

/** Lines of the serial log that an error shows. */
const TAIL_LINES = 40

/**
 * Boots the guest, runs COMMAND in it and ends it.
 * @throws ProbarError usage, lab-tool-missing, lab-boot-failed (the guest gave back no status), lab-guest-stuck, lab-timeout,
 *   cancelled
 */
export async function runLab(request: LabRequest, host: LabHost): Promise<LabOutcome> {
  const devices = attach(request.devices, request.passedThrough, request.out)
  const tools = await findTools(BOOT_TOOLS, host.env['PATH'])
  const boot = await bootFiles({
    choice: request.kernel,
    iommu: request.iommu,
    parts: host.parts,
    busybox: tools.busybox,
    cache: { folder: host.cacheFolder, pid: host.pid },
    env: host.env,
    signal: host.signal,
    clock: host.clock,
    log: (text) => void host.stderr.write(`lab: ${text}\n`),
  })
  await using disposal = new Disposal()
  const share = await runFolder(host.temporaryFolder, host.pid)
  disposal.defer(() => rm(share, { recursive: true, force: true }))
  await writeGuestFolder(share, guestSettings(request, host, devices))
  const args = qemuArguments({ ...request, ...boot, devices, share })
  const program = { qemu: tools['qemu-system-x86_64'], setpriv: tools.setpriv, args, env: host.env }
  const guest = disposal.use(new Guest(program, request.verbose ? (chunk) => host.stderr.write(chunk) : undefined))
  serveChannel(guest.channel, (wanted) => performRequest(wanted, guest.monitor, devices, request.out))
  const heartbeat = disposal.use(new Heartbeat(share, host.clock, SILENT_SECONDS))
  await finish(guest, heartbeat, request, host)
  // awaited here, because leaving this block removes the folder
  return await outcomeOf(share)
}

/** The times at which files of the shared folder were written tell how long it took. */
async function outcomeOf(share: string): Promise<LabOutcome> {
  const writtenAt = async (name: string): Promise<number> => (await stat(join(share, name))).mtimeMs
  const status = await readStatus(share)
  const [begin, commandStarted, end] = [
    await writtenAt('settings'),
    await writtenAt('started'),
    await writtenAt('status'),
  ]
  return { status, bootMs: commandStarted - begin, commandMs: end - commandStarted }
}

function guestSettings(
  request: LabRequest,
  host: LabHost,
  devices: readonly AttachedDevice[],
): Parameters<typeof writeGuestFolder>[1] {
  const { command, folder, out, bind, leave, iommu } = request
  return {
    command,
    folder,
    out,
    endMark: host.endMark,
    node: host.node,
    probarMain: host.probarMain,
    bind: bind === 'none' ? [] : boundDevices(devices, leave),
    iommu: iommu !== 'none',
    unsafeInterrupts: iommu === 'virtio',
  }
}

/** Waits until COMMAND has ended and all its output has been handed on. */
async function finish(guest: Guest, heartbeat: Heartbeat, request: LabRequest, host: LabHost): Promise<void> {
  const streams = Promise.all([
    follow(guest.stdout, host.stdout, host.endMark),
    follow(guest.stderr, host.stderr, host.endMark),
  ])
  using interruption = interruptionOf(request.timeoutMs, host)
  const reason = await Promise.race([
    streams.then(async (complete) => (complete.includes(false) ? guest.ended : undefined)),
    interruption.happened,
    guest.lockup.seen.then(({ cpu, seconds }) => ({ stuck: `processor ${cpu} of the guest hung for ${seconds} s` })),
    heartbeat.lost.then((seconds) => ({ stuck: `the guest gave no sign of life for ${seconds} s` })),
  ])
  if (reason === undefined) return
  if (reason === 'cancelled') throw new ProbarError('cancelled', 'interrupted; the guest was ended')
  const log = guest.serial.tail(TAIL_LINES)
  const tail = log === '' ? '' : `\nThe end of the guest's serial log:\n${log}`
  if (reason === 'timeout') {
    const text = `the guest was ended after ${request.timeoutMs / 1000} s; --timeout gives it longer`
    throw new ProbarError('lab-timeout', `${text}${tail}`)
  }
  if (typeof reason !== 'string') {
    const why = 'emulated processors do that now and then: run it again; if it comes back, COMMAND brings it about'
    throw new ProbarError('lab-guest-stuck', `${reason.stuck}; ${why}${tail}`)
  }
  throw new ProbarError('lab-boot-failed', `the guest ended without handing back a status. ${reason}${tail}`)
}

/** Resolves on the first of: the time is up, the user interrupts. */
function interruptionOf(
  timeoutMs: number,
  { clock, signal }: LabHost,
): Disposable & { readonly happened: Promise<'timeout' | 'cancelled'> } {
  let interrupt = (): void => undefined
  let timer: Disposable | undefined
  const happened = new Promise<'timeout' | 'cancelled'>((resolve) => {
    interrupt = () => resolve('cancelled')
    timer = clock.setTimer(timeoutMs, () => resolve('timeout'))
    if (signal.aborted) interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
  })
  return {
    happened,
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]()
      signal.removeEventListener('abort', interrupt)
    },
  }
}
