import { expect } from '@jest/globals'
import { sleep } from '../../../src/base/clock.ts'
import {
  accessOf,
  anyDirection,
  bufferOf,
  BYTES_A_MS,
  type CyclicCheck,
  expectPoison,
  forward,
  FRAME,
  POISON,
  recorded,
  sheetOf,
  SIZE,
  unstalled,
  untilMoved,
  Watch,
} from './cyclic-bench.ts'

/** Milliseconds in which a stream that moves has moved. */
const WHILE = 60

/** Different at each place of the buffer, and never POISON. */
const tune = Uint8Array.from({ length: SIZE }, (_, i) => ((i * 7 + (i >> 8) * 29) & 0x7f) + 1)

/** What moves, and where to. */
export const motionChecks: readonly CyclicCheck[] = [
  {
    name: 'a stream stands still at 0 until it runs, and accesses nothing',
    async run(bench) {
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      sheet.fill(POISON)
      using stream = await bench.engine.open(bufferOf(direction, sheet))
      await sleep(bench.device.clock, WHILE)
      expect([stream.size, stream.position()]).toEqual([SIZE, 0])
      expectPoison(sheet.take())
    },
  },
  {
    name: 'a stream moves forward only, at about its pace, and wraps to the start of its buffer by itself',
    async run(bench) {
      const direction = anyDirection(bench)
      const { clock } = bench.device
      using stream = await bench.engine.open(bufferOf(direction, sheetOf(bench, accessOf(direction))))
      await stream.run()
      const start = clock.now()
      const watch = new Watch(bench, stream)
      while (watch.moved < 1.5 * SIZE && clock.now() - start < 4 * (SIZE / BYTES_A_MS)) {
        await sleep(clock, 5)
        watch.look()
      }
      const pace = watch.moved / (clock.now() - start)
      expect(watch.moved).toBeGreaterThanOrEqual(1.5 * SIZE)
      expect([1, 2]).toContain(watch.wraps)
      expect(pace).toBeGreaterThan(0.5 * BYTES_A_MS)
      expect(pace).toBeLessThan(1.5 * BYTES_A_MS)
    },
  },
  {
    name: 'an input stream overwrites its buffer in order, up to its position',
    needs: 'input',
    async run(bench) {
      const sheet = sheetOf(bench, 'write')
      sheet.fill(POISON)
      const { clock } = bench.device
      using stream = await bench.engine.open(bufferOf('input', sheet))
      const start = clock.now()
      await stream.run()
      await untilMoved(bench, stream, SIZE / 3)
      const during = stream.position()
      const early = sheet.take()
      await stream.pause()
      // In its second turn it rightly overwrites what lies behind its position.
      unstalled(clock.now() - start, 0.9 * SIZE)
      const position = stream.position()
      const bytes = sheet.take()
      const { accuracy } = bench.engine.abilities
      expect(position).toBeLessThan(SIZE - accuracy)
      const sure = recorded(bench, 0, Math.max(0, during - accuracy))
      if (sure !== undefined) {
        expect(Buffer.compare(early.subarray(0, sure.length), sure)).toBe(0)
        const all = recorded(bench, 0, Math.max(0, position - accuracy)) ?? sure
        expect(Buffer.compare(bytes.subarray(0, all.length), all)).toBe(0)
      }
      expectPoison(bytes, position + accuracy)
    },
  },
  {
    name: 'what comes in a second turn is recorded over the first',
    needs: 'input',
    async run(bench) {
      const { records, accuracy } = bench.engine.abilities
      if (records !== 'counter') return
      const { clock } = bench.device
      const sheet = sheetOf(bench, 'write')
      using stream = await bench.engine.open(bufferOf('input', sheet))
      const start = clock.now()
      await stream.run()
      await untilMoved(bench, stream, SIZE + SIZE / 4)
      await stream.pause()
      unstalled(clock.now() - start, 1.9 * SIZE)
      const position = stream.position()
      const bytes = sheet.take()
      const second = recorded(bench, SIZE, SIZE + position - accuracy) ?? new Uint8Array()
      const first = recorded(bench, position + accuracy, SIZE) ?? new Uint8Array()
      expect(Buffer.compare(bytes.subarray(0, second.length), second)).toBe(0)
      expect(Buffer.compare(bytes.subarray(position + accuracy), first)).toBe(0)
    },
  },
  {
    name: 'an output stream plays what the buffer holds, in order, turn after turn',
    needs: 'output',
    async run(bench) {
      const { tap, accuracy } = bench.engine.abilities
      if (!tap) return
      const sheet = sheetOf(bench, 'read')
      sheet.put(tune)
      using stream = await bench.engine.open(bufferOf('output', sheet))
      await stream.run()
      await untilMoved(bench, stream, SIZE + SIZE / 4)
      await stream.pause()
      const played = await stream.played()
      const expected = played.map((_, i) => tune[(stream.position() - played.length + i + 2 * SIZE) % SIZE] ?? 0)
      expect(played.length).toBeGreaterThanOrEqual(FRAME * 1024)
      // The end is where the position is, as exactly as the device knows it.
      if (accuracy === 0) expect(Buffer.compare(played, expected)).toBe(0)
      else expect(isPartOfTurns(played)).toBe(true)
    },
  },
  {
    name: 'a paused stream stays where it is, accesses nothing, and goes on from there',
    async run(bench) {
      const { clock } = bench.device
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      using stream = await bench.engine.open(bufferOf(direction, sheet))
      await stream.run()
      await untilMoved(bench, stream, SIZE / 4)
      await stream.pause()
      const position = stream.position()
      sheet.fill(POISON)
      await sleep(clock, WHILE)
      expect(stream.position()).toBe(position)
      expect(position).toBeGreaterThan(0)
      if (direction === 'input') expectPoison(sheet.take())
      const resumed = clock.now()
      await stream.run()
      if (bench.engine.abilities.restarts === true) return
      await untilMoved(bench, stream, FRAME)
      const ahead = forward(position, stream.position())
      unstalled(clock.now() - resumed, SIZE / 4)
      expect(ahead).toBeLessThan(SIZE / 4)
      if (bench.engine.abilities.records !== 'counter' || direction !== 'input') return
      // Nothing before the place where it paused was touched, and the count goes on.
      await stream.pause()
      const [bytes, now] = [sheet.take(), stream.position()]
      const fresh = recorded(bench, position, now - bench.engine.abilities.accuracy) ?? new Uint8Array()
      expectPoison(bytes.subarray(0, position))
      expect(Buffer.compare(bytes.subarray(position, position + fresh.length), fresh)).toBe(0)
    },
  },
  {
    name: 'a stopped stream is at 0, accesses nothing, and begins anew',
    async run(bench) {
      const { clock } = bench.device
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      using stream = await bench.engine.open(bufferOf(direction, sheet))
      await stream.run()
      await untilMoved(bench, stream, SIZE / 3)
      await stream.stop()
      sheet.fill(POISON)
      await sleep(clock, WHILE)
      expect(stream.position()).toBe(0)
      if (direction === 'input') expectPoison(sheet.take())
      const begun = clock.now()
      await stream.run()
      await untilMoved(bench, stream, FRAME)
      await stream.pause()
      const position = stream.position()
      unstalled(clock.now() - begun, SIZE / 4)
      expect(position).toBeLessThan(SIZE / 4)
      const fresh = recorded(bench, 0, position - bench.engine.abilities.accuracy)
      if (direction === 'input' && fresh !== undefined) {
        expect(Buffer.compare(sheet.take().subarray(0, fresh.length), fresh)).toBe(0)
      }
    },
  },
  {
    name: 'a closed stream accesses nothing, and does nothing any more; its place is free again',
    async run(bench) {
      const { clock } = bench.device
      const direction = anyDirection(bench)
      const sheet = sheetOf(bench, accessOf(direction))
      const stream = await bench.engine.open(bufferOf(direction, sheet))
      await stream.run()
      await untilMoved(bench, stream, SIZE / 8)
      stream.close()
      stream.close()
      sheet.fill(POISON)
      await sleep(clock, WHILE)
      expectPoison(sheet.take())
      expect(() => stream.position()).toThrow(expect.objectContaining({ code: 'closed' }))
      await expect(stream.run()).rejects.toMatchObject({ code: 'closed' })
      await expect(stream.pause()).rejects.toMatchObject({ code: 'closed' })
      await expect(stream.stop()).rejects.toMatchObject({ code: 'closed' })
      for (let times = 0; times < 5; times++) (await bench.engine.open(bufferOf(direction, sheet))).close()
    },
  },
  {
    name: 'the registers of a stream tell its position, and count its time',
    async run(bench) {
      const { clock, regions } = bench.device
      const direction = anyDirection(bench)
      using stream = await bench.engine.open(bufferOf(direction, sheetOf(bench, accessOf(direction))))
      const read = (place: { readonly region: number; readonly offset: number; readonly width: 32 | 64 }): bigint => {
        const bar = regions.find(({ index }) => index === place.region)
        if (bar === undefined) throw new Error(`there is no BAR ${place.region}`)
        return place.width === 32 ? BigInt(bar.read32(place.offset)) : bar.read64(place.offset, 'low-first')
      }
      await stream.run()
      const [start, began] = [stream.clockRegister && read(stream.clockRegister), clock.now()]
      await untilMoved(bench, stream, SIZE / 8)
      const [end, ended] = [stream.clockRegister && read(stream.clockRegister), clock.now()]
      await stream.pause()
      const { positionRegister, clockRegister } = stream
      if (positionRegister !== undefined) expect(read(positionRegister)).toBe(BigInt(stream.position()))
      if (clockRegister === undefined || start === undefined || end === undefined) return
      const ticks = Number(BigInt.asUintN(clockRegister.width, end - start))
      const expected = ((ended - began) * Number(clockRegister.numerator)) / Number(clockRegister.denominator) / 1000
      expect(ticks).toBeGreaterThan(0.5 * expected)
      expect(ticks).toBeLessThan(1.5 * expected + clockRegister.accuracy)
    },
  },
]

/** A stretch of the tune, played over and over. */
function isPartOfTurns(played: Uint8Array): boolean {
  const first = Buffer.from([...tune, ...tune]).indexOf(played.subarray(0, SIZE / 2))
  return first !== -1 && played.every((byte, i) => byte === tune[(first + i) % SIZE])
}
