import { expect } from '@jest/globals'
import { sleep } from '../../../src/base/clock.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { Segments } from '../../../src/device/segments.ts'
import { failure } from '../bench.ts'
import { type EngineBench, type EngineCheck, expectOnly, map, type Part, pattern, poison, segmentsOf } from './bench.ts'
import { busyWithin, heeded, longList } from './lists.ts'

/** Milliseconds in which a device that goes on would have written something. */
const WHILE = 250
const LOOK_MS = 0.5
const LOOKS = 4000
const POISON = 0xee
/** Times that all pages but the last are written. */
const TIMES = 20
/** Far more than one command of a small engine. */
const PAGES = 12
const PARTS: readonly Part[] = Array.from({ length: PAGES }, (_, place) => ({ place, offset: 0, length: PAGE_SIZE }))

/** A write under way, so long that nobody is late to end it; the last page comes last. */
function begin(bench: EngineBench, mapping: ReturnType<typeof map>) {
  const all = segmentsOf(mapping, PARTS)
  const often = Array.from({ length: TIMES }, () => Array.from(all.slice(0, (PAGES - 1) * PAGE_SIZE)))
  const segments = Segments.of([...often.flat(), ...all.slice((PAGES - 1) * PAGE_SIZE, PAGE_SIZE)])
  poison(bench)
  return failure(() => bench.engine.write(segments, pattern(segments.size, 10)))
}

async function untouched(bench: EngineBench): Promise<void> {
  poison(bench)
  await sleep(bench.device.clock, WHILE)
  expectOnly(bench, [], new Uint8Array())
}

async function untilAtWork({ engine, device, quick }: EngineBench): Promise<void> {
  // Whoever looks for longer finds it through with all of them.
  if (quick === true) return sleep(device.clock, LOOK_MS)
  for (let looks = 0; looks < LOOKS; looks++) {
    if (await busyWithin(engine)) return
    await sleep(device.clock, LOOK_MS)
  }
  throw new Error('the device was never seen at work')
}

/** The first byte of the target has come: the device is in the midst of it. */
async function untilWriting({ memory, frames, device }: EngineBench): Promise<void> {
  const first = (): number | undefined => memory.read((frames[0] ?? 0) * PAGE_SIZE, 1)[0]
  for (let looks = 0; first() === POISON && looks < LOOKS; looks++) await sleep(device.clock, LOOK_MS)
  expect(first()).not.toBe(POISON)
}

export const abortChecks: readonly EngineCheck[] = [
  {
    name: 'an abort of a channel tells who waits, and leaves an idle device that accesses memory no more',
    async run(bench) {
      const { engine } = bench
      using mapping = map(
        bench,
        PARTS.map(({ place }) => place),
        'write',
      )
      const ended = begin(bench, mapping)
      let told = false
      void ended.then(() => (told = true))
      await untilWriting(bench)
      await engine.abort()
      // Through its wrappers the news takes a moment.
      await sleep(bench.device.clock, 1)
      expect([told, await ended, engine.idle()]).toEqual([true, 'cancelled', true])
      if (engine.abilities.abort === 'at-once') {
        const last = bench.memory.read((bench.frames[PAGES - 1] ?? 0) * PAGE_SIZE, PAGE_SIZE)
        expect(new Set(last)).toEqual(new Set([POISON]))
      }
      await untouched(bench)
      const data = pattern(77, 11)
      await engine.write(mapping.segments.slice(9, 77), data)
      expectOnly(bench, [{ place: 0, offset: 9, length: 77 }], data)
    },
  },
  {
    name: 'an abort where nothing is under way ends nothing',
    async run(bench) {
      const { engine } = bench
      using mapping = map(bench, [0], 'both')
      await engine.abort()
      await engine.abort()
      const data = pattern(16, 12)
      await engine.write(mapping.segments.slice(0, 16), data)
      await engine.abort()
      expect(Buffer.compare(await engine.read(mapping.segments.slice(0, 16)), data)).toBe(0)
    },
  },
  {
    name: 'an abort of one channel leaves the others alone',
    async run(bench) {
      const { engine } = bench
      if (engine.abilities.channels === 1) return
      poison(bench)
      using mapping = map(bench, [0, 1, 2, 3], 'read')
      const list = longList(bench, mapping.segments)
      const first = failure(() => engine.read(list, { channel: 0 }))
      const second = heeded(engine.read(list, { channel: 1 }))
      await untilAtWork(bench)
      await engine.abort(0)
      expect(await first).toBe('cancelled')
      expect(new Set(await second)).toEqual(new Set([POISON]))
    },
  },
  {
    name: 'a closed engine leaves memory alone, whatever was under way',
    async run(bench) {
      const { engine } = bench
      // A device that cannot give up runs on to the end of its command: its user resets it.
      if (engine.abilities.abort === 'drains') return
      using mapping = map(
        bench,
        PARTS.map(({ place }) => place),
        'write',
      )
      const ended = begin(bench, mapping)
      await untilWriting(bench)
      engine.close()
      expect(['closed', 'cancelled']).toContain(await ended)
      await untouched(bench)
    },
  },
]
