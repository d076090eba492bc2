import { ProbarError } from '../base/errors.ts'
import type { EngineOptions } from './contract.ts'

/** Lets the work of one channel be ended by `abort`, besides the signal that its caller gave. */
export class Aborting {
  #controller = new AbortController()

  /** What runs is rejected with `cancelled`; what begins afterwards is not. */
  abort(): void {
    const ending = this.#controller
    this.#controller = new AbortController()
    ending.abort(new ProbarError('cancelled', 'the channel was aborted'))
  }

  /** @param work gets the options with a signal that `abort` raises too */
  run<T>(options: EngineOptions, work: (options: EngineOptions) => Promise<T>): Promise<T> {
    const { signal } = this.#controller
    const either = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal])
    return work({ ...options, signal: either })
  }
}
