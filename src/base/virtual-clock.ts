import type { Clock } from './clock.ts'

interface Timer {
  readonly due: number
  readonly order: number
  readonly expire: () => void
}

/**
 * A clock for models. Its time stands still while code runs; once the event loop is idle it jumps to the next timer,
 * one timer a turn, so that whatever a timer resolved runs before the next one expires.
 */
export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  #timers: Timer[] = []
  #turn: NodeJS.Immediate | undefined

  now(): number {
    return this.#now
  }

  setTimer(ms: number, expire: () => void): Disposable {
    const timer = { due: this.#now + Math.max(0, ms), order: this.#order++, expire }
    this.#timers.push(timer)
    this.#schedule()
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#expireNext()
    })
  }

  #expireNext(): void {
    const next = this.#timers.reduce<Timer | undefined>(
      (first, timer) => (isBefore(timer, first) ? timer : first),
      undefined,
    )
    if (next === undefined) return
    this.#timers = this.#timers.filter((timer) => timer !== next)
    this.#now = next.due
    if (this.#timers.length > 0) this.#schedule()
    next.expire()
  }
}

function isBefore(timer: Timer, other: Timer | undefined): boolean {
  return other === undefined || timer.due < other.due || (timer.due === other.due && timer.order < other.order)
}
