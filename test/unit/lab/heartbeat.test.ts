import { describe, expect, it } from '@jest/globals'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../src/base/clock.ts'
import { HEARTBEAT, Heartbeat } from '../../../src/lab/exchange/heartbeat.ts'

/** Lets the watch look when the test says so, and waits until it wants to look again. */
class Looks implements Clock {
  disposed = 0
  #expire: () => void = () => undefined
  #again: () => void = () => undefined

  now(): number {
    return 0
  }

  setTimer(_ms: number, expire: () => void): Disposable {
    this.#expire = expire
    this.#again()
    return { [Symbol.dispose]: () => void (this.disposed += 1) }
  }

  /** Resolves with what the watch said first: that the guest is lost, or that it will look again. */
  async look(watch: Heartbeat): Promise<number | 'later'> {
    const later = new Promise<'later'>((resolve) => (this.#again = () => resolve('later')))
    this.#expire()
    return Promise.race([watch.lost, later])
  }
}

async function withShare(body: (share: string) => Promise<void>): Promise<void> {
  const share = await mkdtemp(join(tmpdir(), 'heartbeat-'))
  try {
    await body(share)
  } finally {
    await rm(share, { recursive: true })
  }
}

const beat = async (share: string, second: number): Promise<void> => {
  await writeFile(join(share, HEARTBEAT), '')
  await utimes(join(share, HEARTBEAT), second, second)
}

describe('the heartbeat of a guest', () => {
  it('is lost when nothing was written for as long as the limit', async () => {
    await withShare(async (share) => {
      const looks = new Looks()
      using watch = new Heartbeat(share, looks, 30)
      await beat(share, 1)
      for (let i = 0; i < 3; i++) expect(await looks.look(watch)).toBe('later')
      expect(await looks.look(watch)).toBe(30)
    })
  })

  it('is not lost while the guest writes now and then', async () => {
    await withShare(async (share) => {
      const looks = new Looks()
      using watch = new Heartbeat(share, looks, 30)
      for (let i = 0; i < 12; i++) {
        if (i % 3 === 0) await beat(share, i)
        expect(await looks.look(watch)).toBe('later')
      }
    })
  })

  it('is not missed before the guest wrote it for the first time', async () => {
    await withShare(async (share) => {
      const looks = new Looks()
      using watch = new Heartbeat(share, looks, 10)
      for (let i = 0; i < 5; i++) expect(await looks.look(watch)).toBe('later')
    })
  })

  it('is looked for no more once the watch is over', async () => {
    await withShare((share) => {
      const looks = new Looks()
      const watch = new Heartbeat(share, looks, 10)
      watch[Symbol.dispose]()
      expect(looks.disposed).toBe(1)
      return Promise.resolve()
    })
  })
})
