import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../../../src/base/address.ts'
import { sleep } from '../../../../src/base/clock.ts'
import { Segments } from '../../../../src/device/segments.ts'
import type { CyclicBuffer } from '../../../../src/engine/cyclic.ts'
import { bench } from './bench.ts'

const FORMAT = { rate: 48_000, channels: 2, bits: 16 } as const
const at = (...lengths: readonly number[]): Segments =>
  Segments.of(lengths.map((length, index) => ({ bus: busAddress(0x10_0000 + index * 0x1_0000), length })))

describe('the engine for streams of sg', () => {
  const wrong: readonly (readonly [string, Partial<CyclicBuffer>])[] = [
    ['nothing', { segments: at() }],
    ['no whole frames', { segments: at(4094) }],
    ['an empty segment', { segments: at(4096, 0) }],
    ['a segment beyond its reach', { segments: Segments.of([{ bus: busAddress(2n ** 64n - 4n), length: 8 }]) }],
    ['more segments than it takes', { segments: at(...Array.from({ length: 225 }, () => 4)) }],
    ['no pace', { format: { ...FORMAT, rate: 0 } }],
    ['more than its pace', { format: { ...FORMAT, rate: 2 ** 31 } }],
    ['notification at 0', { notifyAt: [0] }],
    ['notification behind the end', { notifyAt: [4097] }],
    ['notification in another order', { notifyAt: [8, 4] }],
    ['notification twice at one place', { notifyAt: [8, 8] }],
    ['notification inside a byte', { notifyAt: [0.5] }],
    ['more places to notify at than fit', { notifyAt: Array.from({ length: 257 }, (_, index) => index + 1) }],
  ]

  it.each(wrong)('refuses a buffer with %s', async (_, change) => {
    const { cyclic } = bench()
    const buffer: CyclicBuffer = { direction: 'input', segments: at(4096), format: FORMAT, ...change }
    await expect(cyclic.open(buffer)).rejects.toMatchObject({ code: 'range-outside' })
    // Nothing was taken by that.
    await cyclic.open({ direction: 'input', segments: at(4096), format: FORMAT })
    await cyclic.open({ direction: 'input', segments: at(4096), format: FORMAT })
  })

  it('has two streams, and gives one out again that was closed', async () => {
    const { cyclic } = bench()
    const buffer: CyclicBuffer = { direction: 'input', segments: at(4096), format: FORMAT }
    const [first] = await Promise.all([cyclic.open(buffer), cyclic.open(buffer)])
    await expect(cyclic.open(buffer)).rejects.toMatchObject({ code: 'capability-missing' })
    first.close()
    first.close()
    await cyclic.open(buffer)
  })

  it('takes nothing when it is told to stop while it opens', async () => {
    const { cyclic } = bench()
    const buffer: CyclicBuffer = { direction: 'input', segments: at(4096), format: FORMAT }
    for (const one of [await cyclic.open(buffer), await cyclic.open(buffer)]) one.close()
    await expect(cyclic.open(buffer, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' })
    await cyclic.open(buffer)
    await cyclic.open(buffer)
  })

  it('says why a stream does not run', async () => {
    const { device, cyclic } = bench()
    const stream = await cyclic.open({ direction: 'input', segments: at(4096), format: FORMAT })
    device.config.write16(4, 2)
    await expect(stream.run()).rejects.toMatchObject({
      code: 'device-error',
      message: expect.stringContaining('fetch'),
    })
  })

  it('gives the registers of a stream where a driver finds them', async () => {
    const { device, cyclic } = bench()
    await cyclic.open({ direction: 'input', segments: at(4096), format: FORMAT })
    const stream = await cyclic.open({ direction: 'output', segments: at(4096), format: FORMAT })
    await stream.run()
    await sleep(device.clock, 10)
    const { positionRegister: place, clockRegister: clock } = stream
    const bar = device.regions.find(({ index }) => index === place?.region)
    expect([place?.width, bar?.read32(place?.offset ?? 0)]).toEqual([32, stream.position()])
    expect(bar?.read64(clock?.offset ?? 0)).toBe((clock?.numerator ?? 0n) / (clock?.denominator ?? 1n) / 100n)
  })

  it('gives back what was played last when more came than the device keeps', async () => {
    const { frames, device, cyclic, map } = bench()
    const { indices, mapping } = map(1)
    const start = (indices[0] ?? 0) * 4096
    frames.write(start, new Uint8Array(4096).fill(1))
    const stream = await cyclic.open({ direction: 'output', segments: mapping.segments, format: FORMAT })
    expect(await stream.played()).toHaveLength(0)
    await stream.run()
    await sleep(device.clock, 400)
    // The device has caught up with the time when it answers.
    stream.position()
    frames.write(start, new Uint8Array(4096).fill(2))
    await sleep(device.clock, 10)
    await stream.pause()
    const played = await stream.played()
    expect(played).toHaveLength(0x1_0000)
    expect([played.lastIndexOf(1), played.indexOf(2)]).toEqual([0x1_0000 - 1921, 0x1_0000 - 1920])
  })

  it('keeps what an input stream is not asked for', async () => {
    const { cyclic } = bench()
    const stream = await cyclic.open({ direction: 'input', segments: at(4096), format: FORMAT })
    await expect(stream.played()).rejects.toMatchObject({ code: 'capability-missing' })
    await expect(stream.notified(0)).rejects.toMatchObject({ code: 'capability-missing' })
    expect(stream.notifications()).toBe(0)
  })
})
