import type { BlockingClock } from './clock.ts'

interface Timer {
  readonly due: number
  readonly order: number
  readonly expire: () => void
}

/**
 * A clock for models. Its time stands still while code runs; once the event loop is idle it jumps to the next timer,
 * one timer a turn, so that whatever a timer resolved runs before the next one expires.
 */
export class VirtualClock implements BlockingClock {
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

  pass(ms: number): void {
    const end = this.#now + Math.max(0, ms)
    for (let next = this.#next(); next !== undefined && next.due <= end; next = this.#next()) this.#expire(next)
    this.#now = Math.max(this.#now, end)
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      const next = this.#next()
      if (next !== undefined) this.#expire(next)
    })
  }

  #next(): Timer | undefined {
    return this.#timers.reduce<Timer | undefined>((first, timer) => (isBefore(timer, first) ? timer : first), undefined)
  }

  #expire(next: Timer): void {
    this.#timers = this.#timers.filter((timer) => timer !== next)
    this.#now = Math.max(this.#now, next.due)
    if (this.#timers.length > 0) this.#schedule()
    next.expire()
  }
}

function isBefore(timer: Timer, other: Timer | undefined): boolean {
  return other === undefined || timer.due < other.due || (timer.due === other.due && timer.order < other.order)
}
