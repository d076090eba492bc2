import { type Clock, sleep } from '../../../base/clock.ts'
import { ProbarError } from '../../../base/errors.ts'
import type { Interrupts } from '../../../device/contract.ts'
import { type Completion, describeStatus, succeeded } from '../protocol/completion.ts'
import type { Deadline } from './deadline.ts'
import type { QueuePair } from './queue-pair.ts'

export interface Awaited {
  readonly queue: QueuePair
  /** Of the command, as `submit` gave it. */
  readonly id: number
  readonly deadline: Deadline
  readonly clock: Clock
  /** Throws when nothing is to be expected any more. */
  readonly check: () => void
  /** The interrupt that announces it; the queue is looked at in short intervals without. */
  readonly by?: Announcement | undefined
}

export interface Announcement {
  readonly interrupts: Pick<Interrupts, 'count' | 'wait'>
  readonly vector: number
  /** Interrupts before the command was given. */
  readonly before: number
}

const POLL_MS = 1

/**
 * Until the controller has completed a command, well or not: see `judge`.
 * @throws ProbarError timeout, cancelled, and what `check` throws
 */
export async function completed({ queue, id, deadline, clock, check, by }: Awaited): Promise<Completion> {
  let seen = by?.before ?? 0
  for (;;) {
    const left = deadline.left()
    if (by !== undefined) {
      const { signal } = deadline
      // The first may be late news of an earlier command: then there is another one to come.
      seen = await by.interrupts.wait(by.vector, seen, { timeoutMs: left, ...(signal && { signal }) })
    }
    check()
    const completion = queue.take(id)
    if (completion !== undefined) return completion
    if (by === undefined) await sleep(clock, POLL_MS, deadline.signal)
  }
}

/** @throws ProbarError device-error with the status of a command that failed */
export function judge(completion: Completion): Completion {
  if (succeeded(completion)) return completion
  throw new ProbarError('device-error', `the controller ended a command with ${describeStatus(completion.status)}`)
}
