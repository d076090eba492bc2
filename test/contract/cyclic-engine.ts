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
  POISON,
  sheetOf,
  SIZE,
  untilMoved,
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
      const { alignment, addressBits, listLength } = engine.abilities
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      const unit = Math.max(alignment, 128)
      const { bus } = sheet.segments.at(0)
      const wrong: Readonly<Record<string, Partial<CyclicBuffer>>> = {
        'no bytes': { segments: Segments.of([]) },
        'half a sample frame': { segments: sheet.segments.slice(0, PAGE_SIZE + 2) },
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
      ;(await engine.open(bufferOf(direction, sheet))).close()
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
      await stream.run()
      await untilMoved(bench, stream, SIZE / 4)
      expect(stream.notifications()).toBe(0)
      expect(await stream.notified(0)).toBe(1)
      const half = stream.position()
      expect(half).toBeGreaterThanOrEqual(SIZE / 2 - engine.abilities.accuracy)
      expect(half).toBeLessThan(SIZE * 0.9)
      expect(await stream.notified(1)).toBe(2)
      expect(stream.position()).toBeLessThan(SIZE * 0.4)
      expect(await stream.notified(2)).toBe(3)
      await stream.pause()
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

/** All that a cyclic engine must do; no virtual time is assumed. */
export const cyclicChecks: readonly CyclicCheck[] = [...motionChecks, ...notificationChecks, ...refusals]

/** Runs one check on a bench of its own; one that needs a direction which the engine lacks has nothing to check. */
export async function runCyclicCheck(check: CyclicCheck, open: () => Promise<CyclicBench>): Promise<void> {
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
