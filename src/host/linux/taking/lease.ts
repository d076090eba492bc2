import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Clock, sleep } from '../../../base/clock.ts'
import { OsError, ProbarError } from '../../../base/errors.ts'
import { systemErrorCode } from '../../../base/system-error.ts'
import type { FileLockSurface } from '../../../native/surface.ts'
import { type Holder, parseHolder, told } from './holder.ts'
import type { TakingPlaces } from './places.ts'

type LeasePlaces = Pick<TakingPlaces, 'leases'>

/** The right to a group: a lock on a file, which the kernel ends when the last process that has the file open ends. */
export class Lease implements Disposable {
  readonly descriptor: number
  #closed = false
  #introduced = false

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    // Whoever meets the next holder before that has written its name must not hear of this one.
    if (this.#introduced) ftruncateSync(this.descriptor)
    closeSync(this.descriptor)
  }

  /** Says who has it. @throws OsError os-error, as on a full disk */
  introduce(holder: Holder, path: string): void {
    try {
      writeHolder(this.descriptor, holder)
      this.#introduced = true
    } catch (error) {
      const code = systemErrorCode(error)
      const message = `the lease ${path} cannot be written (${code}), so nothing is taken: make room there`
      throw new OsError('os-error', message, 0, 'write', { cause: error })
    }
  }
}

/** Who has it, or that it is free. */
export type LeaseState = { readonly lease: Lease } | { readonly heldBy: Holder | undefined }

/**
 * Takes the lease if it is free, and writes into it who has it.
 * @throws OsError permission-denied when the file can be neither opened nor made
 */
export function tryLease(name: string, holder: Holder, places: LeasePlaces, locks: FileLockSurface): LeaseState {
  const path = leaseFile(name, places)
  for (;;) {
    const lease = new Lease(openLease(path, places.leases))
    try {
      if (!locks.lockFile(lease.descriptor)) {
        lease[Symbol.dispose]()
        return { heldBy: readHolder(path) }
      }
      // Someone may have tidied the file away meanwhile: then the lock is one that nobody else will find.
      if (isSame(lease.descriptor, path)) {
        lease.introduce(holder, path)
        return { lease }
      }
    } catch (error) {
      lease[Symbol.dispose]()
      throw error
    }
    lease[Symbol.dispose]()
  }
}

export interface Waiting {
  /** Milliseconds to wait for whoever has it; 0 for not at all. */
  readonly waitMs: number
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Hears once whom it waits for. */
  readonly onWait?: ((heldBy: string) => void) | undefined
}

const LOOK_EVERY_MS = 100

/**
 * Takes the lease, or waits for it.
 * @param what the device, for messages
 * @throws ProbarError device-busy, which names the holder; cancelled
 */
export async function acquireLease(
  name: string,
  what: string,
  attempt: () => LeaseState,
  { waitMs, clock, signal, onWait }: Waiting,
): Promise<Lease> {
  const start = clock.now()
  for (let first = true; ; first = false) {
    const state = attempt()
    if ('lease' in state) return state.lease
    const waited = clock.now() - start
    if (waited >= waitMs) throw busy(name, what, state.heldBy, waitMs)
    if (first) onWait?.(told(state.heldBy))
    await sleep(clock, Math.min(LOOK_EVERY_MS, waitMs - waited), signal)
  }
}

export const leaseFile = (name: string, { leases }: LeasePlaces): string => join(leases, `${name}.lease`)

/** Writes over what an earlier holder wrote. */
export function writeHolder(descriptor: number, holder: Holder): void {
  ftruncateSync(descriptor)
  writeSync(descriptor, `${JSON.stringify(holder)}\n`, 0)
}

function busy(name: string, what: string, holder: Holder | undefined, waitMs: number): ProbarError {
  const waited = waitMs === 0 ? '' : `, still after ${Math.round(waitMs / 1000)} s`
  const mend = waitMs === 0 ? "end it, or give '--wait' to wait for it" : 'end it, or wait longer'
  return new ProbarError('device-busy', `${what} (${name}) is held by ${told(holder)}${waited}: ${mend}`)
}

/** Whom root gave the device may write who holds it: hence a file for everybody, in a folder of root's. */
function openLease(path: string, folder: string): number {
  try {
    return openSync(path, constants.O_RDWR)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw unusable(path, error)
  }
  try {
    mkdirSync(folder, { recursive: true })
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
    fchmodSync(file, 0o666)
    return file
  } catch (error) {
    throw unusable(path, error)
  }
}

function unusable(path: string, cause: unknown): OsError {
  const code = systemErrorCode(cause)
  const denied = code === 'EACCES' || code === 'EPERM'
  return new OsError(
    denied ? 'permission-denied' : 'os-error',
    `the lease ${path} can be neither opened nor made (${code}): ${mendOf(code)}`,
    denied ? 13 : 0,
    'open',
    { cause },
  )
}

function mendOf(code: string | undefined): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return "run as root, or let root run 'probar bind' for the device once, which makes the file"
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ELOOP':
      return 'something else lies there; remove it'
    default:
      return 'make room there, or mount it writable'
  }
}

function isSame(descriptor: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const held = fstatSync(descriptor)
  return there?.ino === held.ino && there.dev === held.dev
}

function readHolder(path: string): Holder | undefined {
  try {
    return parseHolder(readFileSync(path, 'utf8'))
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
