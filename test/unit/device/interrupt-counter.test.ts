import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { sleep } from '../../../src/base/clock.ts'
import { ProbarError } from '../../../src/base/errors.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { InterruptCounter } from '../../../src/device/interrupt-counter.ts'

/** A virtual clock that knows how many of its timers are neither expired nor disposed. */
class CountingClock extends VirtualClock {
  timers = 0

  override setTimer(ms: number, expire: () => void): Disposable {
    let live = true
    const end = () => {
      if (live) this.timers--
      live = false
    }
    this.timers++
    const timer = super.setTimer(ms, () => {
      end()
      expire()
    })
    return {
      [Symbol.dispose]: () => {
        end()
        timer[Symbol.dispose]()
      },
    }
  }
}

function enabled(vectors: number) {
  const clock = new CountingClock()
  const counter = new InterruptCounter(clock)
  counter.reset(vectors)
  return { clock, counter }
}

describe('an interrupt counter', () => {
  it('counts each vector by itself, from 0 on', () => {
    const { counter } = enabled(2)
    counter.fired(0, 3)
    counter.fired(1)
    counter.fired(0)
    expect([counter.count(0), counter.count(1)]).toEqual([4, 1])
    counter.reset(1)
    expect(counter.count(0)).toBe(0)
  })

  it('knows no vector that is not enabled', async () => {
    const { counter } = enabled(1)
    counter.fired(1)
    expect(() => counter.count(1)).toThrow(expect.objectContaining({ code: 'interrupt-unavailable' }))
    await expect(counter.wait(1, 0, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'interrupt-unavailable' })
  })

  it('resolves at once when the count is above already', async () => {
    const { clock, counter } = enabled(1)
    counter.fired(0, 5)
    await expect(counter.wait(0, 4, { timeoutMs: 10 })).resolves.toBe(5)
    expect(clock.now()).toBe(0)
  })

  it('gives the time out of its own clock', async () => {
    const { clock, counter } = enabled(1)
    await expect(counter.wait(0, 0, { timeoutMs: 1000 })).rejects.toMatchObject({ code: 'timeout' })
    expect(clock.now()).toBe(1000)
  })

  it('rejects with the error that it is told, and goes on', async () => {
    const { counter } = enabled(1)
    const waiting = counter.wait(0, 0, { timeoutMs: 1000 })
    counter.rejectAll(new ProbarError('closed', 'closed'))
    await expect(waiting).rejects.toMatchObject({ code: 'closed' })
    counter.fired(0)
    await expect(counter.wait(0, 0, { timeoutMs: 1000 })).resolves.toBe(1)
  })

  it('cancels by a signal, with the reason as cause', async () => {
    const { counter } = enabled(1)
    const abort = new AbortController()
    const waiting = counter.wait(0, 0, { timeoutMs: 1000, signal: abort.signal })
    abort.abort('enough')
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled', cause: 'enough' })
    await expect(counter.wait(0, 0, { timeoutMs: 1000, signal: abort.signal })).rejects.toMatchObject({
      code: 'cancelled',
    })
  })

  const waits = fc.array(
    fc.record({
      vector: fc.nat(2),
      after: fc.nat(6),
      timeoutMs: fc.integer({ min: 1, max: 100 }),
      abortAt: fc.option(fc.nat(100)),
    }),
    { maxLength: 12 },
  )
  const firings = fc.array(fc.record({ at: fc.nat(100), vector: fc.nat(2), times: fc.integer({ min: 1, max: 3 }) }), {
    maxLength: 12,
  })

  it('ends every wait as its vector, time and signal say, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(waits, firings, async (list, fires) => {
        const { clock, counter } = enabled(3)
        const listeners = { now: 0 }
        const outcomes = list.map(({ vector, after, timeoutMs, abortAt }) => {
          const abort = new AbortController()
          if (abortAt !== null) clock.setTimer(abortAt + 0.5, () => abort.abort())
          return counter
            .wait(vector, after, { timeoutMs: timeoutMs + 0.25, signal: counted(abort.signal, listeners) })
            .then(
              () => 'fired',
              (error: ProbarError) => error.code,
            )
        })
        for (const { at, vector, times } of fires) clock.setTimer(at, () => counter.fired(vector, times))
        expect(await Promise.all(outcomes)).toEqual(list.map((wait) => expectedEnd(wait, fires)))
        await sleep(clock, 1000)
        expect({ waiting: counter.waiting, timers: clock.timers, listeners: listeners.now }).toEqual({
          waiting: 0,
          timers: 0,
          listeners: 0,
        })
      }),
    )
  })
})

type Wait = { vector: number; after: number; timeoutMs: number; abortAt: number | null }
type Firing = { at: number; vector: number; times: number }

function expectedEnd(wait: Wait, fires: readonly Firing[]): string {
  const mine = fires.filter(({ vector }) => vector === wait.vector).toSorted((a, b) => a.at - b.at)
  let count = 0
  const firing = mine.find(({ times }) => (count += times) > wait.after)
  const ends: [number, string][] = [
    [firing?.at ?? Infinity, 'fired'],
    [wait.timeoutMs + 0.25, 'timeout'],
    [wait.abortAt === null ? Infinity : wait.abortAt + 0.5, 'cancelled'],
  ]
  return ends.reduce((first, end) => (end[0] < first[0] ? end : first))[1]
}

/** The signal, with the number of its listeners. */
function counted(signal: AbortSignal, listeners: { now: number }): AbortSignal {
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
    listeners.now++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => {
    listeners.now--
    remove(...args)
  }
  return signal
}
