import { spawn, type ChildProcess } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { ProbarError } from '../../base/errors.ts'
import { Qmp } from './qmp.ts'
import { DESCRIPTORS } from './arguments.ts'
import { LockupWatch } from './lockup.ts'
import { SerialLog } from './serial-log.ts'

export interface GuestProgram {
  readonly qemu: string
  /** Starts QEMU so that the kernel ends it when this process dies, however that happens. */
  readonly setpriv: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A busy host was seen to keep a healthy guest's processor for half a minute. */
const STUCK_SECONDS = 120

/** A running QEMU and its connections. */
export class Guest implements AsyncDisposable {
  readonly monitor: Qmp
  readonly stdout: Readable
  readonly stderr: Readable
  readonly channel: Duplex
  readonly serial = new SerialLog()
  readonly lockup = new LockupWatch(STUCK_SECONDS)
  /** Settles once QEMU has ended, with a text that says how. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  readonly #connections: readonly Duplex[]

  /** @param watchSerial sees the serial line as it comes */
  constructor(program: GuestProgram, watchSerial?: (chunk: Buffer) => void) {
    const names = Object.keys(DESCRIPTORS) as (keyof typeof DESCRIPTORS)[]
    // in a session of its own, so that Ctrl-C reaches Probar only, which then ends QEMU in order
    this.#child = spawn(program.setpriv, ['--pdeathsig', 'KILL', '--', program.qemu, ...program.args], {
      env: { ...program.env },
      stdio: ['ignore', 'ignore', 'pipe', ...names.map(() => 'pipe' as const)],
      detached: true,
    })
    this.ended = endOf(this.#child)
    const connect = (name: keyof typeof DESCRIPTORS): Duplex => connection(this.#child, name)
    const serial = connect('serial')
    const monitor = connect('monitor')
    const [stdout, stderr] = [connect('stdout'), connect('stderr')]
    this.channel = connect('channel')
    this.stdout = stdout
    this.stderr = stderr
    this.#connections = [serial, monitor, stdout, stderr, this.channel]
    this.monitor = new Qmp(monitor)
    serial.on('data', (chunk: Buffer) => {
      this.serial.push(chunk)
      this.lockup.push(chunk)
      watchSerial?.(chunk)
    })
  }

  /** Ends QEMU and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
    this.monitor[Symbol.dispose]()
    for (const stream of this.#connections) stream.destroy()
  }
}

function connection(child: ChildProcess, name: keyof typeof DESCRIPTORS): Duplex {
  // the type knows five descriptors only
  const stream = (child.stdio as readonly (Readable | Writable | null | undefined)[])[DESCRIPTORS[name]]
  if (stream === null || stream === undefined) throw new ProbarError('internal', `QEMU has no connection ${name}`)
  // QEMU's end is told by `ended`; a connection that breaks with it says nothing more
  stream.on('error', () => undefined)
  return stream as Duplex
}

/** How QEMU ended and what it complained about last. */
async function endOf(child: ChildProcess): Promise<string> {
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-8192)))
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`))
    child.once('exit', (status, signal) => resolve(signal === null ? `ended with status ${status}` : `got ${signal}`))
  })
  if (child.stderr !== null) await finished(child.stderr).catch(() => undefined)
  return complaint === '' ? `QEMU ${how}` : `QEMU ${how}: ${complaint.trim()}`
}
