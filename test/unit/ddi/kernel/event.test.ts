import { describe, expect, it } from '@jest/globals'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import { KEvent } from '../../../../src/ddi/kernel/event.ts'

describe('an event', () => {
  it('wakes one waiter each time it is set', async () => {
    const [event, clock] = [new KEvent(), new VirtualClock()]
    const woken: number[] = []
    const waits = [1, 2].map((n) => event.wait({ clock, timeoutMs: 10 }).then(() => woken.push(n)))
    event.KeSetEvent()
    await waits[0]
    expect(woken).toEqual([1])
    event.KeSetEvent()
    await waits[1]
    expect([woken, event.timesSet]).toEqual([[1, 2], 2])
  })

  it('stays signalled until somebody waits, or it is cleared', async () => {
    const [event, clock] = [new KEvent(), new VirtualClock()]
    expect([event.KeSetEvent(), event.KeSetEvent()]).toEqual([false, true])
    await event.wait({ clock, timeoutMs: 1 })
    await expect(event.wait({ clock, timeoutMs: 1 })).rejects.toMatchObject({ code: 'timeout' })
    event.KeSetEvent()
    event.KeClearEvent()
    await expect(event.wait({ clock, timeoutMs: 1 })).rejects.toMatchObject({ code: 'timeout' })
  })

  it('is left by a waiter that was cancelled', async () => {
    const [event, clock] = [new KEvent(), new VirtualClock()]
    const end = new AbortController()
    const wait = event.wait({ clock, timeoutMs: 1000, signal: end.signal })
    end.abort()
    await expect(wait).rejects.toMatchObject({ code: 'cancelled' })
    event.KeSetEvent()
    await event.wait({ clock, timeoutMs: 1 })
    await expect(event.wait({ clock, timeoutMs: 5, signal: end.signal })).rejects.toMatchObject({ code: 'cancelled' })
  })
})
