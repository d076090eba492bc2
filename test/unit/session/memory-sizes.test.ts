import { describe, expect, it } from '@jest/globals'
import { memorySizes } from '../../../src/session/frames.ts'
import { openSession } from '../../../src/session/open.ts'

describe('the memory of a session', () => {
  it('is 16 MiB with 64 pages of pool unless told', () => {
    expect(memorySizes({}, false)).toEqual({ frames: 4096, poolPages: 64 })
  })

  it('is as large as a program asks for', async () => {
    await using session = await openSession({ device: 'loopback:edu', frames: 600, poolPages: 300 })
    expect(session.frames.size).toBe(600 * 4096)
    expect(session.kernel.pool.allocate(299 * 4096)).toBeDefined()
    await session.renew()
    expect(session.kernel.pool.allocate(299 * 4096)).toBeDefined()
  })

  it.each([
    [{ frames: 0 }, false, /^frames is 0/],
    [{ frames: 1 }, false, /^frames is 1,/],
    [{ frames: 100.5 }, false, /^frames is 100.5/],
    [{ frames: NaN }, false, /^frames is NaN/],
    [{ frames: 2 ** 20 }, false, /has 2 to 1048575/],
    [{ frames: 1000 }, true, /no multiple of 512/],
    [{ poolPages: 0 }, false, /^poolPages is 0/],
    [{ frames: 100, poolPages: 51 }, false, /has 1 to 50/],
    [{ frames: 100 }, false, /^poolPages is 64/],
  ])('is refused as %j, whole pages %s', (asked, whole, message) => {
    expect(() => memorySizes(asked, whole)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
    )
  })

  it('is refused before the device is opened', async () => {
    await expect(openSession({ device: 'loopback:edu', frames: -1 })).rejects.toMatchObject({ code: 'usage' })
  })
})
