import type { Clock } from '../base/clock.ts'
import { ProbarError } from '../base/errors.ts'
import type { WaitOptions } from './contract.ts'

interface Waiter {
  readonly vector: number
  readonly after: number
  readonly resolve: (count: number) => void
  readonly reject: (error: unknown) => void
}

/** Counts interrupts and lets callers wait for them: the half of `Interrupts` that all back ends share. */
export class InterruptCounter {
  readonly #clock: Clock
  #counts: number[] = []
  readonly #waiters = new Set<Waiter>()
  #final: ProbarError | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Waits that have not ended. */
  get waiting(): number {
    return this.#waiters.size
  }

  /** Counts start at 0 for so many vectors, 0 when none is enabled. What still waits is rejected with `cancelled`. */
  reset(vectors: number): void {
    this.rejectAll(new ProbarError('cancelled', 'the interrupts were disabled or enabled anew during the wait'))
    this.#counts = Array.from({ length: vectors }, () => 0)
  }

  /**
   * `times` interrupts came. A vector that is not enabled is left out: a notification that was on its way while
   * interrupts were disabled belongs to nobody.
   */
  fired(vector: number, times = 1): void {
    const before = this.#counts[vector]
    if (before === undefined) return
    const count = before + times
    this.#counts[vector] = count
    for (const waiter of this.#waiters) {
      if (waiter.vector === vector && count > waiter.after) waiter.resolve(count)
    }
  }

  /** @throws ProbarError interrupt-unavailable when the vector is not enabled */
  count(vector: number): number {
    const count = this.#counts[vector]
    if (count !== undefined) return count
    throw new ProbarError(
      'interrupt-unavailable',
      `vector ${vector} is not enabled (${this.#counts.length} are): call enable first`,
    )
  }

  /** As `Interrupts.wait`. Leaves no timer and no listener behind, however it ends. */
  async wait(vector: number, after: number, { timeoutMs, signal }: WaitOptions): Promise<number> {
    if (this.#final !== undefined) throw this.#final
    if (signal?.aborted === true) throw cancelled(signal)
    const now = this.count(vector)
    if (now > after) return now
    return this.#waitForMore(vector, after, timeoutMs, signal)
  }

  /** Rejects what waits, and whatever would wait from here on. */
  fail(error: ProbarError): void {
    this.#final = error
    this.rejectAll(error)
  }

  rejectAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }

  #waitForMore(vector: number, after: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiters.delete(waiter)
        timer[Symbol.dispose]()
        signal?.removeEventListener('abort', abort)
      }
      const settle =
        <T>(settled: (value: T) => void) =>
        (value: T): void => {
          end()
          settled(value)
        }
      const waiter: Waiter = { vector, after, resolve: settle(resolve), reject: settle(reject) }
      const abort = (): void => waiter.reject(cancelled(signal))
      const timer = this.#clock.setTimer(timeoutMs, () => waiter.reject(timedOut(vector, after, timeoutMs)))
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.add(waiter)
    })
  }
}

export function notMaskable(kind = 'such'): ProbarError {
  return new ProbarError('capability-missing', `the platform cannot mask ${kind} interrupts: mask them in the device`)
}

function cancelled(signal: AbortSignal | undefined): ProbarError {
  return new ProbarError('cancelled', 'the wait for an interrupt was cancelled', { cause: signal?.reason })
}

function timedOut(vector: number, after: number, timeoutMs: number): ProbarError {
  return new ProbarError(
    'timeout',
    `vector ${vector} fired no more than ${after} times within ${timeoutMs} ms: check the device's interrupt enable, ` +
      'bus mastering (an MSI is a write by the device) and that the last interrupt was acknowledged',
  )
}
