import { describe, expect, it } from '@jest/globals'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'

describe('a virtual clock', () => {
  it('expires timers in the order of their due times, and its time is theirs', async () => {
    const clock = new VirtualClock()
    const seen: [string, number][] = []
    clock.setTimer(100, () => seen.push(['late', clock.now()]))
    clock.setTimer(10, () => seen.push(['early', clock.now()]))
    await sleep(clock, 1000)
    expect(seen).toEqual([
      ['early', 10],
      ['late', 100],
    ])
    expect(clock.now()).toBe(1000)
  })

  it('runs what a timer resolved before the next timer expires', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    const first = sleep(clock, 1).then(() => seen.push('first continued'))
    clock.setTimer(2, () => seen.push('second'))
    await first
    await sleep(clock, 5)
    expect(seen).toEqual(['first continued', 'second'])
  })

  it('forgets a timer that was disposed', async () => {
    const clock = new VirtualClock()
    let expired = false
    {
      using timer = clock.setTimer(1, () => (expired = true))
      expect(timer).toBeDefined()
    }
    await sleep(clock, 5)
    expect(expired).toBe(false)
  })

  it('lets time pass at once, with the timers that fall due in it, also those that they set', () => {
    const clock = new VirtualClock()
    const seen: [string, number][] = []
    clock.setTimer(10, () => {
      seen.push(['first', clock.now()])
      clock.setTimer(5, () => seen.push(['its own', clock.now()]))
    })
    clock.setTimer(21, () => seen.push(['late', clock.now()]))
    clock.pass(20)
    expect(seen).toEqual([
      ['first', 10],
      ['its own', 15],
    ])
    expect(clock.now()).toBe(20)
    clock.pass(1)
    expect(seen.at(-1)).toEqual(['late', 21])
  })

  it('goes on with what is left after time was let pass', async () => {
    const clock = new VirtualClock()
    const asleep = sleep(clock, 30)
    clock.pass(10)
    await asleep
    expect(clock.now()).toBe(30)
  })

  it('lets a signal cancel a sleep', async () => {
    const abort = new AbortController()
    const asleep = sleep(new VirtualClock(), 1e9, abort.signal)
    abort.abort()
    await expect(asleep).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe("the system's clock", () => {
  it('lets time pass, and no less than was asked for', () => {
    const before = systemClock.now()
    systemClock.pass(3)
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(3)
  })
})
