import { expect } from '@jest/globals'
import { busAddress } from '../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { Segments } from '../../../src/device/segments.ts'
import { failure } from '../bench.ts'
import { type EngineCheck, expectOnly, map, type Part, pattern, poison, segmentsOf } from './bench.ts'

const CALLS = 3
const partOf = (place: number): Part => ({ place, offset: 3 * place + 1, length: 700 + place })
const calls = Array.from({ length: CALLS }, (_, place) => partOf(place))

/** Calls that nobody waited for before the next one, and lists with nothing in them. */
export const orderChecks: readonly EngineCheck[] = [
  {
    name: 'transfers that are asked for at once on one channel follow one another, and none gets what is another’s',
    async run(bench) {
      const { engine } = bench
      poison(bench)
      using mapping = map(bench, [0, 1, 2], 'both')
      const segments = calls.map((part) => segmentsOf(mapping, [part]))
      const data = calls.map(({ length }, index) => pattern(length, 20 + index))
      await Promise.all(segments.map((target, index) => engine.write(target, data[index] ?? new Uint8Array())))
      expectOnly(bench, calls, Buffer.concat(data))
      const received = await Promise.all(segments.map((source) => engine.read(source)))
      expect(received.map((bytes, index) => Buffer.compare(bytes, data[index] ?? new Uint8Array()))).toEqual([0, 0, 0])
    },
  },
  {
    name: 'a call that fails does not take the next one of its channel with it',
    async run(bench) {
      const { engine } = bench
      poison(bench)
      using mapping = map(bench, [0, 1], 'both')
      const [first, second] = [0, 1].map((place) => segmentsOf(mapping, [partOf(place)]))
      if (first === undefined || second === undefined) throw new Error('there are two parts')
      const data = pattern(second.size, 24)
      const signal = AbortSignal.abort()
      const ended = failure(() => engine.write(first, new Uint8Array(first.size), { signal }))
      const written = engine.write(second, data)
      expect(await ended).toBe('cancelled')
      await written
      expectOnly(bench, [partOf(1)], data)
    },
  },
  {
    name: 'segments without a byte are passed over, wherever they point',
    async run(bench) {
      const { engine } = bench
      poison(bench)
      using mapping = map(bench, [0, 1], 'both')
      const nothing = { bus: busAddress(0), length: 0 }
      const some = [...segmentsOf(mapping, [partOf(0), partOf(1)])].flatMap((segment) => [nothing, segment, nothing])
      const segments = Segments.of(some)
      const data = pattern(segments.size, 25)
      await engine.write(segments, data)
      expectOnly(bench, [partOf(0), partOf(1)], data)
      expect(Buffer.compare(await engine.read(segments), data)).toBe(0)
      await engine.write(Segments.of([nothing]), new Uint8Array())
      expect(await engine.read(Segments.of([nothing, nothing]))).toHaveLength(0)
    },
  },
  {
    name: 'as many segments as one command takes are taken, and one less',
    async run(bench) {
      const { engine } = bench
      const { listLength } = engine.abilities
      for (const count of [listLength - 1, listLength]) {
        // Every other byte, so that no two segments are adjacent.
        const parts = Array.from({ length: count }, (_, index): Part => ({
          place: Math.floor((2 * index) / PAGE_SIZE),
          offset: (2 * index) % PAGE_SIZE,
          length: 1,
        }))
        poison(bench)
        using mapping = map(bench, [0], 'both')
        const data = pattern(count, 26)
        const segments = segmentsOf(mapping, parts)
        await engine.write(segments, data)
        expectOnly(bench, parts, data)
        expect(Buffer.compare(await engine.read(segments), data)).toBe(0)
      }
    },
  },
]
