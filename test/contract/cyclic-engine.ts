import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../src/base/address.ts'
import { sleep } from '../../src/base/clock.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import { Segments } from '../../src/device/segments.ts'
import type { CyclicBuffer } from '../../src/engine/cyclic.ts'
import { failure } from './bench.ts'
import {
  accessOf,
  anyDirection,
  bufferOf,
  type CyclicBench,
  type CyclicCheck,
  expectPoison,
  FRAME,
  POISON,
  sheetOf,
  SIZE,
  Stalled,
  untilMoved,
  Watch,
} from './engines/cyclic-bench.ts'
import { motionChecks } from './engines/cyclic-motion.ts'

export type { CyclicBench, CyclicCheck } from './engines/cyclic-bench.ts'

/** Milliseconds in which what should not come would have come. */
const WHILE = 60

const refusals: readonly CyclicCheck[] = [
  {
    name: 'a buffer that the device cannot take is refused, and takes no stream',
    async run(bench) {
      const { engine } = bench
      const { alignment, addressBits, listLength, smallest } = engine.abilities
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      const unit = Math.max(alignment, 128)
      const { bus } = sheet.segments.at(0)
      const wrong: Readonly<Record<string, Partial<CyclicBuffer>>> = {
        'no bytes': { segments: Segments.of([]) },
        'half a sample frame': { segments: sheet.segments.slice(0, PAGE_SIZE + FRAME / 2) },
        'too few bytes': { segments: sheet.segments.slice(0, smallest - alignment) },
        'too many segments': {
          segments: Segments.of(Array.from({ length: listLength + 1 }, () => ({ bus, length: unit }))),
        },
        'notification at its start': { notifyAt: [0] },
        'notification behind its end': { notifyAt: [SIZE + unit] },
        'notification backwards': { notifyAt: [SIZE, SIZE / 2] },
      }
      const off = alignment === 1 ? {} : { 'an odd address': { segments: sheet.segments.slice(4, PAGE_SIZE) } }
      const last = (1n << BigInt(addressBits)) - BigInt(unit)
      const far =
        addressBits === 64
          ? {}
          : { 'a far address': { segments: Segments.of([{ bus: busAddress(last), length: 2 * unit }]) } }
      for (const [name, change] of Object.entries({ ...wrong, ...off, ...far })) {
        const code = await failure(() => engine.open({ ...bufferOf(direction, sheet), ...change }))
        expect([name, code]).toEqual([name, 'range-outside'])
      }
      const least = Math.ceil(Math.max(smallest, FRAME) / FRAME) * FRAME
      for (const segments of [sheet.segments, sheet.segments.slice(0, least)]) {
        ;(await engine.open(bufferOf(direction, { segments }))).close()
      }
    },
  },
  {
    name: 'a stream that was opened without places to notify at announces nothing',
    async run(bench) {
      const direction = anyDirection(bench)
      using stream = await bench.engine.open(bufferOf(direction, sheetOf(bench, accessOf(direction))))
      await stream.run()
      await untilMoved(bench, stream, SIZE)
      expect(stream.notifications()).toBe(0)
    },
  },
  {
    name: 'nothing works once the engine is closed, memory is left alone, and what it took is given back',
    async run(bench) {
      const { engine, device } = bench
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      const stream = await engine.open(bufferOf(direction, sheet))
      await stream.run()
      await untilMoved(bench, stream, SIZE / 8)
      engine.close()
      engine.close()
      sheet.fill(POISON)
      await sleep(device.clock, WHILE)
      expectPoison(sheet.take())
      expect(await failure(() => engine.open(bufferOf(direction, sheet)))).toBe('closed')
      expect(await failure(() => stream.run())).toBe('closed')
      expect(device.dma.entries).toBe(entriesOf(sheet.segments))
    },
  },
]

/** Adjacent frames are one entry each. */
const entriesOf = (segments: Segments): number => segments.count

const notificationChecks: readonly CyclicCheck[] = [
  {
    name: 'a stream announces that it has come to each of its places, once a turn, and not before',
    async run(bench) {
      const { engine } = bench
      if (!engine.abilities.notifications) return
      const direction = anyDirection(bench)
      using stream = await engine.open(bufferOf(direction, sheetOf(bench, accessOf(direction)), [SIZE / 2, SIZE]))
      const { clock } = bench.device
      const { accuracy } = engine.abilities
      const watch = new Watch(bench, stream, clock.now(), 0)
      await stream.run()
      for (let seen = 0; seen < 3; seen++) {
        const next = watchedUntil(stream.notified(seen))
        while (!next.settled) {
          await sleep(clock, 2)
          const announced = stream.notifications()
          watch.look()
          expect(announced * (SIZE / 2)).toBeLessThanOrEqual(watch.moved + accuracy)
        }
        expect(await next.result).toBe(seen + 1)
        watch.look()
        expect(watch.moved).toBeLessThan((seen + 1.9) * (SIZE / 2))
      }
      await stream.pause()
      watch.look()
      expect(stream.notifications()).toBe(3)
    },
  },
  {
    name: 'a stream that does not run announces nothing, and a wait for that can be given up',
    async run(bench) {
      const { engine, device } = bench
      if (!engine.abilities.notifications) return
      const direction = anyDirection(bench)
      using stream = await engine.open(bufferOf(direction, sheetOf(bench, accessOf(direction)), [SIZE / 8, SIZE]))
      expect(await failure(() => stream.notified(0, { timeoutMs: WHILE }))).toBe('timeout')
      await stream.run()
      await stream.notified(0)
      await stream.pause()
      const before = stream.notifications()
      await sleep(device.clock, WHILE)
      expect(stream.notifications()).toBe(before)
      const controller = new AbortController()
      const waiting = failure(() => stream.notified(before, { signal: controller.signal }))
      controller.abort()
      expect(await waiting).toBe('cancelled')
      const until = failure(() => stream.notified(before))
      stream.close()
      expect(await until).toBe('closed')
    },
  },
]

/** A promise that others wait for meanwhile; nobody need wait for it in the end. */
function watchedUntil(result: Promise<number>): { settled: boolean; readonly result: Promise<number> } {
  const watched = { settled: false, result }
  const settle = (): void => void (watched.settled = true)
  result.then(settle, settle)
  return watched
}

/** All that a cyclic engine must do; no virtual time is assumed. */
export const cyclicChecks: readonly CyclicCheck[] = [...motionChecks, ...notificationChecks, ...refusals]

/** Of a check on a host that stalls: it says nothing of the device. */
const ATTEMPTS = 5

/**
 * Runs one check on a bench of its own; one that needs a direction which the engine lacks has nothing to check. Where the
 * host stalled so long that the device may have gone anywhere, it is run again on another bench.
 */
export async function runCyclicCheck(check: CyclicCheck, open: () => Promise<CyclicBench>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(check, open)
    } catch (error) {
      if (!(error instanceof Stalled) || attempt === ATTEMPTS) throw error
    }
  }
}

async function runOnce(check: CyclicCheck, open: () => Promise<CyclicBench>): Promise<void> {
  const bench = await open()
  try {
    const { directions } = bench.engine.abilities
    if (check.needs === undefined || directions.includes(check.needs)) await check.run(bench)
  } finally {
    await bench.close()
  }
}

/** @param open opens device and engine anew, for each check */
export function describeCyclicContract(name: string, open: () => Promise<CyclicBench>): void {
  describe(`cyclic engine contract: ${name}`, () => {
    it.each(cyclicChecks.map((check) => [check.name, check] as const))(
      '%s',
      (_, check) => runCyclicCheck(check, open),
      60_000,
    )
  })
}
