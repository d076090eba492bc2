import { expect } from '@jest/globals'
import { sleep } from '../../../src/base/clock.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { Segments } from '../../../src/device/segments.ts'
import { failure } from '../bench.ts'
import { type EngineBench, type EngineCheck, expectOnly, map, type Part, pattern, poison, segmentsOf } from './bench.ts'

/** Commands of a list so long that even a quick device is still at it when somebody looks; a device of one channel is slow. */
const ROUNDS = { one: 4, several: 16 }

/** The same pages again and again, so that reading them takes a while. */
export function longList({ engine }: EngineBench, once: Segments): Segments {
  const { channels, maxTransfer } = engine.abilities
  const times = Math.ceil((ROUNDS[channels === 1 ? 'one' : 'several'] * maxTransfer) / once.size)
  return Segments.of(Array.from({ length: times }, () => [...once]).flat())
}

const LOOKS = 50

/** A promise that is awaited later, and may fail before. */
export function heeded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** Looks in close succession: a quick device is at one command for less than a millisecond. */
export async function busyWithin(engine: EngineBench['engine']): Promise<boolean> {
  for (let looks = 0; looks < LOOKS; looks++) {
    if (!engine.idle()) return true
    await new Promise((resolve) => setImmediate(resolve))
  }
  return false
}

const eightPages = [0, 1, 2, 3, 4, 5, 6, 7]

/** Lists, channels, and whether somebody is at work. */
export const listChecks: readonly EngineCheck[] = [
  {
    name: 'a list of more segments than one command takes is split, both ways, in its order',
    async run(bench) {
      const { listLength } = bench.engine.abilities
      const perPage = 32
      const count = Math.min(listLength + 1, bench.frames.length * perPage)
      const parts = Array.from({ length: count }, (_, index): Part => {
        // Backwards, so that no two segments are adjacent, neither in memory nor in the list.
        const place = Math.floor((count - 1 - index) / perPage)
        return { place, offset: ((count - 1 - index) % perPage) * 128 + 1, length: 3 + (index % 5) }
      })
      const length = parts.reduce((sum, part) => sum + part.length, 0)
      const data = pattern(length, 8)
      poison(bench)
      using mapping = map(
        bench,
        bench.frames.map((_, place) => place),
        'both',
      )
      const segments = segmentsOf(mapping, parts)
      await bench.engine.write(segments, data)
      expectOnly(bench, parts, data)
      expect(Buffer.compare(await bench.engine.read(segments), data)).toBe(0)
    },
  },
  {
    name: 'what is no multiple of the alignment is refused, where there is one',
    async run(bench) {
      const { alignment } = bench.engine.abilities
      if (alignment === 1) return
      using mapping = map(bench, [0], 'both')
      const [short, shifted] = [mapping.segments.slice(0, alignment - 1), mapping.segments.slice(1, alignment)]
      expect(await failure(() => bench.engine.read(short))).toBe('range-outside')
      expect(await failure(() => bench.engine.read(shifted))).toBe('range-outside')
    },
  },
  {
    name: 'an idle device says so, and so does one that is at work',
    async run(bench) {
      const { engine, device } = bench
      using mapping = map(bench, eightPages, 'read')
      expect(engine.idle()).toBe(true)
      const state = { ended: false }
      const read = heeded(engine.read(longList(bench, mapping.segments)).finally(() => (state.ended = true)))
      let seen = false
      while (!state.ended) {
        seen ||= await busyWithin(engine)
        await sleep(device.clock, 0.3)
      }
      await read
      expect({ seen: seen || bench.quick === true, idle: engine.idle() }).toEqual({ seen: true, idle: true })
    },
  },
  {
    name: 'a channel that there is not is refused',
    async run(bench) {
      const { engine } = bench
      using mapping = map(bench, [0], 'both')
      const segments = mapping.segments.slice(0, 4)
      for (const channel of [engine.abilities.channels, -1, 0.5]) {
        expect([channel, await failure(() => engine.idle(channel))]).toEqual([channel, 'range-outside'])
        expect([channel, await failure(() => engine.abort(channel))]).toEqual([channel, 'range-outside'])
        expect([channel, await failure(() => engine.read(segments, { channel }))]).toEqual([channel, 'range-outside'])
      }
    },
  },
  {
    name: 'a channel does not wait for another one, and each moves its own bytes',
    async run(bench) {
      const { engine } = bench
      if (engine.abilities.channels === 1) return
      poison(bench)
      using mapping = map(
        bench,
        bench.frames.map((_, place) => place),
        'both',
      )
      const long = segmentsOf(
        mapping,
        eightPages.map((place) => ({ place, offset: 0, length: PAGE_SIZE })),
      )
      const part = { place: 12, offset: 5, length: 600 }
      const [short, data] = [segmentsOf(mapping, [part]), pattern(part.length, 9)]
      const ends: string[] = []
      const reading = heeded(engine.read(longList(bench, long)).finally(() => ends.push('long')))
      await engine.write(short, data, { channel: 1 }).finally(() => ends.push('short'))
      expect(Buffer.compare(await engine.read(short, { channel: 1 }), data)).toBe(0)
      expect(new Set(await reading)).toEqual(new Set([0xee]))
      expect(ends).toEqual(['short', 'long'])
      expectOnly(bench, [part], data)
    },
  },
  {
    name: 'interrupts of one channel are not counted for another',
    async run({ engine, device }) {
      if (engine.abilities.channels === 1 || !engine.abilities.interrupts) return
      if (Math.max(...Object.values(device.interrupts.vectors)) < engine.abilities.channels) return
      expect(await engine.interrupt({ channel: 0 })).toBe(1)
      expect(await engine.interrupt({ channel: 1 })).toBe(1)
      expect(await engine.interrupt({ channel: 1 })).toBe(2)
      expect(await engine.interrupt({ channel: 0 })).toBe(2)
    },
  },
]
