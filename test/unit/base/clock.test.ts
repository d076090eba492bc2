import { describe, expect, it } from '@jest/globals'
import { sleep } from '../../../src/base/clock.ts'
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

  it('lets a signal cancel a sleep', async () => {
    const abort = new AbortController()
    const asleep = sleep(new VirtualClock(), 1e9, abort.signal)
    abort.abort()
    await expect(asleep).rejects.toMatchObject({ code: 'cancelled' })
  })
})
