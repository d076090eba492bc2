import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../src/base/address.ts'
import { codeOf } from '../../src/base/errors.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import type { Device } from '../../src/device/contract.ts'
import { Segments } from '../../src/device/segments.ts'
import { failure } from './bench.ts'
import {
  type EngineBench,
  type EngineCheck,
  expectOnly,
  map,
  pattern,
  poison,
  SCATTERED,
  segmentsOf,
  sizeOf,
  SPREAD,
} from './engines/bench.ts'
import { abortChecks } from './engines/aborts.ts'
import { listChecks } from './engines/lists.ts'
import { orderChecks } from './engines/order.ts'

export type { EngineBench, EngineCheck } from './engines/bench.ts'

/** Of all vectors: which of them is a channel's own is the engine's to choose. */
function interruptsOf({ interrupts }: Device): number {
  let sum = 0
  for (let vector = 0; ; vector++) {
    try {
      sum += interrupts.count(vector)
    } catch (error) {
      if (vector > 0 && codeOf(error) === 'interrupt-unavailable') return sum
      throw error
    }
  }
}

/** Few transfers each: a device may take a tenth of a second of real time for one. */
export const engineChecks: readonly EngineCheck[] = [
  {
    name: 'a write reaches every byte of scattered segments in their order, and no other byte',
    async run(bench) {
      poison(bench)
      const data = pattern(sizeOf(SCATTERED), 1)
      using mapping = map(bench, SPREAD, 'write')
      await bench.engine.write(segmentsOf(mapping, SCATTERED), data)
      expectOnly(bench, SCATTERED, data)
    },
  },
  {
    name: 'a read gathers scattered segments in their order, and changes no byte',
    async run(bench) {
      poison(bench)
      const data = pattern(sizeOf(SCATTERED), 2)
      let done = 0
      for (const { place, offset, length } of SCATTERED) {
        bench.memory.write((bench.frames[place] ?? 0) * PAGE_SIZE + offset, data.subarray(done, done + length))
        done += length
      }
      using mapping = map(bench, SPREAD, 'read')
      const received = await bench.engine.read(segmentsOf(mapping, SCATTERED))
      expect(Buffer.compare(received, data)).toBe(0)
      expectOnly(bench, SCATTERED, data)
    },
  },
  {
    name: 'what is longer than one transfer is split, both ways, with nothing lost at the seam',
    async run(bench) {
      const { maxTransfer } = bench.engine.abilities
      const length = Math.min(maxTransfer + 3, 7 * PAGE_SIZE)
      const data = pattern(length, 3)
      const count = Math.ceil(length / PAGE_SIZE)
      poison(bench)
      const places = Array.from({ length: count }, (_, i) => i)
      using mapping = map(bench, places, 'both')
      const parts = places.map((place) => ({
        place,
        offset: 0,
        length: Math.min(PAGE_SIZE, length - place * PAGE_SIZE),
      }))
      const segments = segmentsOf(mapping, parts)
      await bench.engine.write(segments, data)
      expectOnly(bench, parts, data)
      expect(Buffer.compare(await bench.engine.read(segments), data)).toBe(0)
    },
  },
  {
    name: 'a read is what the device received, not what memory holds afterwards',
    async run(bench) {
      const data = pattern(64, 4)
      const start = (bench.frames[2] ?? 0) * PAGE_SIZE
      bench.memory.write(start, data)
      const mapping = map(bench, [2], 'read')
      const segments = mapping.segments.slice(0, 64)
      expect(Buffer.compare(await bench.engine.read(segments), data)).toBe(0)
      // The translation is gone: a device behind an IOMMU receives nothing of this any more.
      mapping.unmap()
      if (!bench.device.dma.capabilities.revocable) return
      const received = await bench.engine.read(segments)
      expect(Buffer.compare(received, data)).not.toBe(0)
      expect(Buffer.compare(bench.memory.read(start, 64), data)).toBe(0)
    },
  },
  {
    name: 'a list as long as other data is refused before a byte moves',
    async run(bench) {
      poison(bench)
      using mapping = map(bench, [1], 'both')
      const segments = mapping.segments.slice(0, 100)
      expect(await failure(() => bench.engine.write(segments, new Uint8Array(99)))).toBe('range-outside')
      expect(await failure(() => bench.engine.write(segments, new Uint8Array(101)))).toBe('range-outside')
      expectOnly(bench, [], new Uint8Array())
    },
  },
  {
    name: 'an address that the device cannot emit is refused',
    async run({ engine }) {
      const limit = 1n << BigInt(engine.abilities.addressBits)
      if (limit > (1n << 64n) - 1n) return
      const last = limit - 4n
      const crossing = Segments.of([{ bus: busAddress(last), length: 5 }])
      expect(await failure(() => engine.read(crossing))).toBe('range-outside')
      expect(await failure(() => engine.write(crossing, new Uint8Array(5)))).toBe('range-outside')
    },
  },
  {
    name: 'an abort ends a transfer with `cancelled`, and the engine works afterwards',
    async run(bench) {
      poison(bench)
      using mapping = map(bench, [4], 'both')
      const part = { place: 4, offset: 9, length: 77 }
      const abort = new AbortController()
      const ended = failure(() => bench.engine.read(mapping.segments.slice(500, 8), { signal: abort.signal }))
      abort.abort()
      expect(await ended).toBe('cancelled')
      // The device may still be at the transfer that nobody waits for: what follows must not mix with it.
      const data = pattern(77, 5)
      await bench.engine.write(mapping.segments.slice(9, 77), data)
      expectOnly(bench, [part], data)
    },
  },
  {
    name: 'a signal that was aborted before starts no transfer',
    async run(bench) {
      poison(bench)
      using mapping = map(bench, [4], 'write')
      const signal = AbortSignal.abort()
      const write = (): Promise<void> => bench.engine.write(mapping.segments.slice(0, 8), new Uint8Array(8), { signal })
      expect(await failure(write)).toBe('cancelled')
      expect(await failure(() => bench.engine.read(mapping.segments.slice(0, 8), { signal }))).toBe('cancelled')
      await bench.engine.write(mapping.segments.slice(100, 1), Uint8Array.of(7))
      expectOnly(bench, [{ place: 4, offset: 100, length: 1 }], Uint8Array.of(7))
    },
  },
  {
    name: 'a time limit shorter than a transfer ends it with `timeout`, and the engine works afterwards',
    async run(bench) {
      using mapping = map(bench, [6], 'read')
      const segments = mapping.segments.slice(0, 33)
      const start = (bench.frames[6] ?? 0) * PAGE_SIZE
      const data = pattern(33, 6)
      bench.memory.write(start, data)
      expect(await failure(() => bench.engine.read(segments, { timeoutMs: 1 }))).toBe('timeout')
      expect(Buffer.compare(await bench.engine.read(segments), data)).toBe(0)
    },
  },
  {
    name: 'the end of a transfer is seen by interrupt as well, where the engine says so',
    async run(bench) {
      if (!bench.engine.abilities.completion.includes('interrupt')) return
      poison(bench)
      using mapping = map(bench, [7], 'both')
      const segments = mapping.segments.slice(3, 50)
      const data = pattern(50, 7)
      await bench.engine.write(segments, data, { completion: 'interrupt' })
      expectOnly(bench, [{ place: 7, offset: 3, length: 50 }], data)
      const received = await bench.engine.read(segments, { completion: 'interrupt' })
      expect(Buffer.compare(received, data)).toBe(0)
      expect(interruptsOf(bench.device)).toBeGreaterThanOrEqual(2)
    },
  },
  {
    name: 'the device interrupts on demand, each time anew',
    async run({ engine }) {
      if (!engine.abilities.interrupts) return
      const first = await engine.interrupt()
      const second = await engine.interrupt()
      expect(first).toBeGreaterThanOrEqual(1)
      expect(second).toBeGreaterThan(first)
    },
  },
  {
    name: 'nothing at all is moved without a word',
    async run(bench) {
      poison(bench)
      const nothing = Segments.of([])
      await bench.engine.write(nothing, new Uint8Array())
      expect(await bench.engine.read(nothing)).toHaveLength(0)
      expectOnly(bench, [], new Uint8Array())
    },
  },
  ...listChecks,
  ...orderChecks,
  ...abortChecks,
  {
    name: 'nothing works after close, closing twice is harmless, and what the engine took is given back',
    async run(bench) {
      const { engine, device } = bench
      using mapping = map(bench, [0], 'both')
      const segments = mapping.segments.slice(0, 4)
      if (engine.abilities.interrupts) await engine.interrupt()
      engine.close()
      engine.close()
      engine[Symbol.dispose]()
      expect(await failure(() => engine.write(segments, new Uint8Array(4)))).toBe('closed')
      expect(await failure(() => engine.read(segments))).toBe('closed')
      expect(await failure(() => engine.interrupt())).toBe('closed')
      expect(device.dma.entries).toBe(1)
      expect(await failure(() => device.interrupts.count(0))).toBe('interrupt-unavailable')
    },
  },
  {
    name: 'closing ends a transfer that runs',
    async run(bench) {
      using mapping = map(bench, [0], 'both')
      const ended = failure(() => bench.engine.read(mapping.segments.slice(0, 4)))
      bench.engine.close()
      expect(['closed', 'cancelled']).toContain(await ended)
    },
  },
]

/** Runs one check on a bench of its own. */
export async function runEngineCheck(check: EngineCheck, open: () => Promise<EngineBench>): Promise<void> {
  const bench = await open()
  try {
    await check.run(bench)
  } finally {
    await bench.close()
  }
}

/** @param open opens device and engine anew, for each check */
export function describeEngineContract(name: string, open: () => Promise<EngineBench>): void {
  describe(`engine contract: ${name}`, () => {
    it.each(engineChecks.map((check) => [check.name, check] as const))(
      '%s',
      (_, check) => runEngineCheck(check, open),
      60_000,
    )
  })
}
