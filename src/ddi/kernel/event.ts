import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'

export interface EventWait {
  /** Whose milliseconds count. */
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** A KEVENT that wakes one waiter and is reset by that (SynchronizationEvent). */
export class KEvent {
  #signalled = false
  #set = 0
  readonly #waiting: (() => void)[] = []

  /** How often it was set since it was made. */
  get timesSet(): number {
    return this.#set
  }

  /** @returns whether it was signalled before */
  KeSetEvent(): boolean {
    this.#set++
    const wake = this.#waiting.shift()
    const before = this.#signalled
    if (wake === undefined) this.#signalled = true
    else wake()
    return before
  }

  KeClearEvent(): void {
    this.#signalled = false
  }

  /** Until it is signalled; resets it. @throws ProbarError timeout, cancelled */
  async wait({ clock, timeoutMs, signal }: EventWait): Promise<void> {
    if (this.#signalled) {
      this.#signalled = false
      return
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        timer[Symbol.dispose]()
        signal?.removeEventListener('abort', cancel)
        const at = this.#waiting.indexOf(wake)
        if (at !== -1) this.#waiting.splice(at, 1)
      }
      const wake = (): void => {
        leave()
        resolve()
      }
      const fail = (code: 'timeout' | 'cancelled', text: string): void => {
        leave()
        reject(new ProbarError(code, text, { cause: signal?.reason }))
      }
      const cancel = (): void => fail('cancelled', 'the wait for the event was cancelled')
      const timer = clock.setTimer(timeoutMs, () => fail('timeout', `the event was not set within ${timeoutMs} ms`))
      this.#waiting.push(wake)
      if (signal?.aborted === true) cancel()
      else signal?.addEventListener('abort', cancel, { once: true })
    })
  }
}
