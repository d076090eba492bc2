import type { Clock } from '../../../base/clock.ts'
import { ProbarError } from '../../../base/errors.ts'
import type { EngineOptions } from '../../contract.ts'

const DEFAULT_TIMEOUT_MS = 5000

/** When a transfer of several commands has to be over, and what else may end it. */
export class Deadline {
  readonly signal: AbortSignal | undefined
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #end: number

  constructor(clock: Clock, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Pick<EngineOptions, 'timeoutMs' | 'signal'>) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#end = clock.now() + timeoutMs
    this.signal = signal
  }

  /** Milliseconds that are left. @throws ProbarError timeout, cancelled */
  left(): number {
    if (this.signal?.aborted === true) {
      throw new ProbarError('cancelled', 'the transfer was cancelled', { cause: this.signal.reason })
    }
    const left = this.#end - this.#clock.now()
    if (left > 0) return left
    throw new ProbarError('timeout', `the controller did not finish within ${this.#timeoutMs} ms; reset the device`)
  }
}
