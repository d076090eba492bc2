import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../../src/base/address.ts'
import { ProbarError } from '../../../src/base/errors.ts'
import { openSession } from '../../../src/session/open.ts'
import type { Session } from '../../../src/session/session.ts'

const frames = (session: Session, count = 1) => ({
  memory: session.frames,
  indices: session.frames.allocate({ count }),
})
const at = (bus: bigint) => ({ kind: 'at', bus: busAddress(bus) }) as const

describe('bad input to a device is an error of its own', () => {
  it.each<readonly [string, string, RegExp, (session: Session) => unknown]>([
    [
      'a BAR offset outside',
      'region-outside',
      /1048576.*0x100000/,
      ({ device }) => device.regions[0]?.read32(0x10_0000),
    ],
    ['a BAR offset off its width', 'region-misaligned', /0x2.*width 4/, ({ device }) => device.regions[0]?.read32(2)],
    [
      'a DMA range outside the aperture',
      'dma-outside-aperture',
      /0x10000000.*apertures 0x0-0xfffffff/,
      (session) => session.device.dma.map(frames(session), 'both', at(1n << 28n)),
    ],
    [
      'a DMA range off a page boundary',
      'dma-misaligned',
      /0x5008.*0x1000/,
      (session) => session.device.dma.map(frames(session), 'both', at(0x5008n)),
    ],
    [
      'a DMA range over another',
      'dma-overlap',
      /unmap/,
      (session) => {
        session.device.dma.map(frames(session, 2), 'both', at(0x5000n))
        session.device.dma.map(frames(session), 'both', at(0x6000n))
      },
    ],
    [
      'a second unmap',
      'dma-unmapped',
      /before/,
      (session) => {
        const mapping = session.device.dma.map(frames(session), 'both')
        mapping.unmap()
        mapping.unmap()
      },
    ],
    [
      'use after close',
      'closed',
      /open it again/,
      ({ device }) => {
        device.close()
        device.regions[0]?.read32(0)
      },
    ],
  ])('%s: %s', async (_, code, message, misuse) => {
    const session = await openSession({ device: 'loopback:edu' })
    let error: unknown
    try {
      misuse(session)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(ProbarError)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
