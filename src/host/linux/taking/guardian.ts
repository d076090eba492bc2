import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Socket } from 'node:net'
import { type Clock, sleep } from '../../../base/clock.ts'
import { ProbarError } from '../../../base/errors.ts'
import { systemErrorCode } from '../../../base/system-error.ts'
import type { Lease } from './lease.ts'
import type { TakingPlaces } from './places.ts'

/** Waits for the death of this process in order to put back what is in the journal then (docs/adr/0008-…). */
export interface Guardian {
  /** Ends it; to be called when nothing is left to be put back. @throws ProbarError timeout when it does not end */
  dismiss(): Promise<void>
}

/** What a guardian needs to know; it goes to its process as JSON. */
export interface GuardianTask {
  readonly name: string
  readonly bus: string
  readonly journals: readonly string[]
  readonly bootIdFile: string
  /** The number of the lease's descriptor in the guardian. */
  readonly lease: number
}

/**
 * The guardian's first half: a shell, because it is small and there at once. Its descriptors: 3 is a socket to Probar,
 * which the kernel closes when Probar dies; 4 the lease, which is held as long as the guardian lives. Signals to Probar's
 * group don't concern it. The second half is Node with the code that puts back; the shell becomes it.
 */
const WAIT = `trap '' HUP INT QUIT TERM
echo ready >&3
read -r word <&3 && [ "$word" = done ] && exit 0
exec "$@" 3<&-`

/** In the background of a shell that ends at once, the guardian is nobody's child: who ends Probar's tree does not find it. */
const DETACH = `( ${WAIT} ) &`

/** Runners of continuous integration find what a job left running by the environment: so it has none of it. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

const SOCKET = 3
const LEASE = 4
const ANSWER_MS = 10_000

/** @throws ProbarError os-error, timeout when it cannot be started or does not answer; then nothing may be taken */
export async function startGuardian(name: string, lease: Lease, places: TakingPlaces, clock: Clock): Promise<Guardian> {
  const log = join(places.leases, `${name}.log`)
  const child = launch(log, lease, afterDeath(name, places))
  const failed = new Promise<never>((_, reject) =>
    child.once('error', (error) => reject(notStarted(error.message, error))),
  )
  // Without a socket, for want of descriptors, `failed` tells why.
  const socket = child.stdio?.[SOCKET] as Socket | undefined
  if (socket === undefined) return failed
  const ended = new Promise<void>((resolve) => socket.once('close', resolve))
  // A guardian that died breaks the socket; `ended` tells of that.
  socket.on('error', () => undefined)
  const ready = new Promise<void>((resolve) => socket.once('data', () => resolve()))
  const silent = ended.then(() => Promise.reject(notStarted(`it ended at once, and ${log} may say why`)))
  try {
    await Promise.race([failed, silent, within(ready, clock, 'did not answer')])
  } catch (error) {
    socket.destroy()
    throw error
  }
  for (const promise of [silent, failed]) promise.catch(() => undefined)
  // Only what is done with the device keeps this process alive.
  child.unref()
  socket.unref()
  return {
    async dismiss() {
      socket.end('done\n')
      await within(ended, clock, 'does not end')
    },
  }
}

function launch(log: string, lease: Lease, command: readonly string[]): ChildProcess {
  const output = openLog(log)
  try {
    return spawn('/bin/sh', ['-c', DETACH, 'probar-guardian', ...command], {
      detached: true,
      cwd: '/',
      env: ENVIRONMENT,
      stdio: ['ignore', output, output, 'pipe', lease.descriptor],
    })
  } finally {
    closeSync(output)
  }
}

function openLog(log: string): number {
  try {
    return openSync(log, 'a')
  } catch (error) {
    throw notStarted(`its log ${log} cannot be written (${systemErrorCode(error)}); remove what lies there`, error)
  }
}

function notStarted(why: string, cause?: unknown): ProbarError {
  return new ProbarError('os-error', `the guardian cannot be started, so nothing is taken: ${why}`, { cause })
}

/** The command that puts back: this Node, with the module that was loaded here. Node takes no signals over as ignored. */
function afterDeath(name: string, { bus, journals, bootIdFile, guardianModule }: TakingPlaces): readonly string[] {
  const task: GuardianTask = { name, bus, journals, bootIdFile, lease: LEASE }
  const module = guardianModule ?? new URL(import.meta.url.replace(/guardian(\.[jt]s)$/, 'after-death$1')).href
  const program = `for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(name, () => undefined)
    const [module, task] = process.argv.slice(1)
    ;(await import(module)).putBackAfterDeath(JSON.parse(task))`
  return [process.execPath, '--input-type=module', '--eval', program, module, JSON.stringify(task)]
}

async function within(event: Promise<void>, clock: Clock, problem: string): Promise<void> {
  const enough = new AbortController()
  const late = sleep(clock, ANSWER_MS, enough.signal).then(() => {
    throw new ProbarError(
      'timeout',
      `the guardian ${problem} within ${ANSWER_MS / 1000} s: look for a process probar-guardian`,
    )
  })
  try {
    await Promise.race([event, late])
  } finally {
    enough.abort()
    late.catch(() => undefined)
  }
}
