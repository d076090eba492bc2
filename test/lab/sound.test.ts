import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { main as playTone } from '../../examples/play-tone.ts'
import { sleep } from '../../src/base/clock.ts'
import { encodeVerb } from '../../src/engine/intel-hda/codec/verbs.ts'
import { ImmediateCommands, stopRings } from '../../src/engine/intel-hda/commands.ts'
import type { PciBackend } from '../../src/session/reference.ts'
import { type CyclicStream, type Session, openSession } from '../../src/index.ts'
import { describeCyclicContract } from '../contract/cyclic-engine.ts'

/**
 * The sound controllers of the bench (lab/test.mjs): the first has a recorder that gives silence, what the second plays is
 * recorded by QEMU. Sound takes as long as it lasts, and goes on while a slow guest does something else.
 */
const DUPLEX = '0000:01:00.0'
const RECORDED = '0000:02:00.0'
const { PROBAR_OUT: out, PROBAR_SOUND: backend } = process.env as { PROBAR_OUT?: string; PROBAR_SOUND?: PciBackend }

const PAGE = 4096
const PAGES = 4
const SIZE = PAGES * PAGE
const POISON = 0x5a
const FORMAT = { rate: 48_000, channels: 2, bits: 16 } as const

interface Sound {
  readonly session: Session
  readonly frames: Uint32Array
  readonly stream: CyclicStream
  readonly fill: (byte: number) => void
  /** The whole buffer. */
  readonly read: () => Uint8Array
  readonly unmap: () => void
}

async function withSound(direction: 'input' | 'output', use: (sound: Sound) => Promise<void>): Promise<void> {
  await using session = await openSession({ device: DUPLEX, ...(backend && { backend }) })
  const { cyclic, device, frames: memory } = session
  if (cyclic === undefined) throw new Error('the profile names no engine')
  const frames = memory.allocate({ count: PAGES })
  const mapping = device.dma.map({ memory, indices: frames }, 'both')
  const fill = (byte: number): void => frames.forEach((at) => memory.write(at * PAGE, new Uint8Array(PAGE).fill(byte)))
  const read = (): Uint8Array => Buffer.concat(Array.from(frames, (at) => memory.read(at * PAGE, PAGE)))
  fill(POISON)
  let mapped = true
  const unmap = (): void => {
    mapped = false
    mapping.unmap()
  }
  const buffer = { direction, segments: mapping.segments, format: FORMAT, notifyAt: [SIZE / 2, SIZE] }
  const stream = await cyclic.open(buffer)
  try {
    await use({ session, frames, stream, fill, read, unmap })
  } finally {
    stream.close()
    if (mapped) mapping.unmap()
    memory.free(frames)
  }
}

interface Sample {
  /** Interrupts right before the position was read. */
  readonly before: number
  /** Of the buffer, in which the position was. */
  readonly half: 0 | 1
  readonly ms: number
}

/** Two turns and a half, as fast as they can be watched. */
function watchTurns(stream: CyclicStream): readonly Sample[] {
  const samples: Sample[] = []
  for (let crossed = 0; crossed < 5;) {
    const before = stream.notifications()
    const half = stream.position() < SIZE / 2 ? 0 : 1
    if (samples.length > 0 && samples.at(-1)?.half !== half) crossed++
    samples.push({ before, half, ms: performance.now() })
  }
  return samples
}

/** Lets so much time pass that a stream which moved would show it. */
const while50ms = (session: Session): Promise<void> => sleep(session.device.clock, 50)

describe.each(['input', 'output'] as const)('a stream for %s', (direction) => {
  it('moves, wraps to its start, and interrupts at the half and at the end and nowhere else', () =>
    withSound(direction, async ({ stream }) => {
      expect(stream.position()).toBe(0)
      await stream.run()
      const samples = watchTurns(stream)
      const crossed = samples.filter(({ half }, index) => half !== samples[index - 1]?.half).length - 1
      expect(crossed).toBeGreaterThanOrEqual(4)
      for (const [index, { half, before }] of samples.entries()) {
        const [last, next, later] = [samples[index - 1], samples[index + 1], samples[index + 2]]
        if (last === undefined || next === undefined || later === undefined) continue
        // Slower than a quarter of a turn, and it might have crossed twice.
        if (next.ms - last.ms > 20) continue
        if (half !== next.half) expect(later.before).toBeGreaterThan(before)
        if (next.before > before) expect(last.half).not.toBe(next.half)
      }
    }))

  it('announces what was moved to whoever waits', () =>
    withSound(direction, async ({ stream }) => {
      await stream.run()
      for (let count = 0; count < 4;) {
        const more = await stream.notified(count)
        expect(more).toBeGreaterThan(count)
        count = more
      }
    }))

  it('does not move before it runs, while it pauses, and after it stopped', () =>
    withSound(direction, async ({ session, stream, read }) => {
      await while50ms(session)
      expect([stream.position(), stream.notifications()]).toEqual([0, 0])
      expect(read().every((byte) => byte === POISON)).toBe(true)
      await stream.run()
      await stream.notified(0)
      await stream.pause()
      const paused = stream.position()
      expect(paused).toBeGreaterThan(0)
      await while50ms(session)
      expect(stream.position()).toBe(paused)
      await stream.stop()
      expect(stream.position()).toBe(0)
      await while50ms(session)
      expect(stream.position()).toBe(0)
    }))

  it('leaves memory alone that was unmapped while it stood, and nothing faults', () =>
    withSound(direction, async ({ session, stream, fill, read, unmap }) => {
      await stream.run()
      await stream.notified(0)
      await stream.stop()
      using watch = await session.device.faults.watch()
      unmap()
      fill(POISON)
      expect(await watch.next({ timeoutMs: 200 })).toBeUndefined()
      expect(read().every((byte) => byte === POISON)).toBe(true)
    }))

  it('tells its position in the position buffer, too', () =>
    withSound(direction, async ({ stream }) => {
      await stream.run()
      await stream.notified(1)
      await stream.pause()
      expect((stream as CyclicStream & { memoryPosition(): number }).memoryPosition()).toBe(stream.position())
    }))

  it('goes with a clock of 24 MHz', () =>
    withSound(direction, async ({ session, stream }) => {
      const { clockRegister: clock } = stream
      if (clock === undefined) throw new Error('the controller has no clock')
      const region = session.device.regions.find(({ index }) => index === clock.region)
      const read = (): number => region?.read32(clock.offset) ?? 0
      const [before, start] = [read(), performance.now()]
      await while50ms(session)
      const [ticks, ms] = [(read() - before) >>> 0, performance.now() - start]
      expect(ticks / ms / 24_000).toBeGreaterThan(0.8)
      expect(ticks / ms / 24_000).toBeLessThan(1.2)
    }))
})

describe('recording', () => {
  it('overwrites the buffer in order, up to the position', () =>
    withSound('input', async ({ stream, read }) => {
      await stream.run()
      // Well into the first half, and before its end.
      while (stream.position() < 1000) await new Promise(setImmediate)
      await stream.pause()
      const [position, bytes] = [stream.position(), read()]
      const silent = bytes.findIndex((byte) => byte !== 0)
      expect(stream.notifications()).toBeLessThanOrEqual(1)
      expect(Math.abs(silent - position)).toBeLessThanOrEqual(stream.positionRegister?.accuracy ?? 0)
      expect(bytes.subarray(silent).every((byte) => byte === POISON)).toBe(true)
    }))

  it('overwrites all of it in one turn', () =>
    withSound('input', async ({ stream, read }) => {
      await stream.run()
      await stream.notified(1)
      await stream.stop()
      expect(read().every((byte) => byte === 0)).toBe(true)
    }))

  it('is refused by the IOMMU once the buffer is unmapped', () =>
    withSound('input', async ({ session, stream, fill, read, unmap }) => {
      await stream.run()
      await stream.notified(0)
      await stream.stop()
      using watch = await session.device.faults.watch()
      unmap()
      fill(POISON)
      await stream.run()
      expect(await watch.next({ timeoutMs: 2000 })).toMatchObject({ direction: 'write' })
      await stream.stop()
      expect(read().every((byte) => byte === POISON)).toBe(true)
    }))
})

describe('the registers for single commands', () => {
  it('bring the same answer as the rings', async () => {
    await using session = await openSession({ device: DUPLEX, ...(backend && { backend }) })
    const [registers] = session.device.regions
    if (registers === undefined || session.cyclic === undefined) throw new Error('there is no sound controller')
    // The way through the codec was found by the rings.
    expect(session.cyclic.abilities.directions).toEqual(['output', 'input'])
    stopRings(registers)
    const commands = new ImmediateCommands(registers)
    const ask = (node: number, verb: number, payload: number): number =>
      commands.send(encodeVerb({ codec: 0, node, verb, payload }))
    // QEMU's vendor id, and the pin's list of connections: converter 2
    expect(ask(0, 0xf00, 0) >>> 16).toBe(0x1af4)
    expect(ask(3, 0xf02, 0)).toBe(2)
  })
})

describe('after the engine was closed', () => {
  it('the controller is in reset, and neither memory nor interrupts change', async () => {
    await using session = await openSession({ device: DUPLEX, ...(backend && { backend }) })
    const { cyclic, device, frames: memory } = session
    if (cyclic === undefined) throw new Error('the profile names no engine')
    const frames = memory.allocate({ count: PAGES })
    const mapping = device.dma.map({ memory, indices: frames }, 'both')
    const stream = await cyclic.open({
      direction: 'input',
      segments: mapping.segments,
      format: FORMAT,
      notifyAt: [SIZE],
    })
    await stream.run()
    await stream.notified(0)
    cyclic.close()
    for (const at of frames) memory.write(at * PAGE, new Uint8Array(PAGE).fill(POISON))
    await while50ms(session)
    const held = Array.from(frames, (at) => memory.read(at * PAGE, PAGE).every((byte) => byte === POISON))
    expect(held).toEqual(Array.from(frames, () => true))
    expect((device.regions[0]?.read32(8) ?? 1) & 1).toBe(0)
    mapping.unmap()
    memory.free(frames)
  })
})

describeCyclicContract(`${backend} qemu-intel-hda`, async () => {
  const session = await openSession({ device: DUPLEX, ...(backend && { backend }) })
  const { cyclic: engine, device, frames: memory } = session
  if (engine === undefined) throw new Error('the profile names no engine')
  const frames = memory.allocate({ count: 16 })
  return {
    engine,
    device,
    memory,
    frames: [...frames],
    async close() {
      engine.close()
      await session.close()
    },
  }
})

describe('examples/play-tone.ts', () => {
  it('plays; what QEMU recorded is judged outside', async () => {
    const lines: string[] = []
    const held = await playTone(RECORDED, (line) => void lines.push(line))
    expect(lines).toHaveLength(20)
    if (out !== undefined) writeFileSync(join(out, 'tone.buffer'), held)
  })
})
