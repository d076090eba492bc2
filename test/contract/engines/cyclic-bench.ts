import { expect } from '@jest/globals'
import { type Clock, sleep } from '../../../src/base/clock.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import type { Device, HostMemory, Mapping } from '../../../src/device/contract.ts'
import type { Segments } from '../../../src/device/segments.ts'
import type { CyclicBuffer, CyclicEngine, CyclicStream, Direction } from '../../../src/engine/cyclic.ts'

/** What a cyclic engine is tried with: the device that it drives, with bus mastering on, and memory for it. */
export interface CyclicBench {
  readonly engine: CyclicEngine
  readonly device: Device
  /** At least 16 frames that nobody else uses, by their index. */
  readonly memory: HostMemory
  readonly frames: readonly number[]
  close(): void | Promise<void>
}

/** One thing that a cyclic engine must do. It throws when the engine does not. */
export interface CyclicCheck {
  readonly name: string
  /** The direction that it needs, where it needs one. */
  readonly needs?: Direction
  readonly run: (bench: CyclicBench) => Promise<void>
}

/** As slow as sound controllers go, so that a device does not get far while a loaded host looks away. */
export const FORMAT = { rate: 16_000, channels: 1, bits: 16 } as const
/** Bytes of a sample frame, and of a millisecond. */
export const FRAME = 2
export const BYTES_A_MS = (FORMAT.rate * FRAME) / 1000
export const POISON = 0xee
/** Milliseconds: more than any device takes, and only spent when something is wrong. */
export const PATIENCE = 5000

/** Buffers are as long as this many pages; a turn takes 1536 ms. */
export const PAGES = 12
export const SIZE = PAGES * PAGE_SIZE

/** A buffer in memory, whose pages lie in another order there than on the way of the device. */
export interface Sheet {
  readonly segments: Segments
  readonly mapping: Mapping
  fill(byte: number): void
  put(bytes: Uint8Array): void
  take(): Uint8Array
}

/** Of the pages that nobody has to be in order. */
export function sheetOf({ device, memory, frames }: CyclicBench, access: 'read' | 'write'): Sheet {
  const indices = frames.slice(0, PAGES).toReversed()
  const mapping = device.dma.map({ memory, indices: Uint32Array.from(indices) }, access)
  const place = (page: number): number => (indices[page] ?? 0) * PAGE_SIZE
  const put = (bytes: Uint8Array): void => {
    for (let page = 0; page < PAGES; page++) {
      memory.write(place(page), bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE))
    }
  }
  return {
    segments: mapping.segments,
    mapping,
    put,
    fill: (byte) => put(new Uint8Array(SIZE).fill(byte)),
    take: () => Uint8Array.from(indices.flatMap((_, page) => [...memory.read(place(page), PAGE_SIZE)])),
  }
}

export const bufferOf = (
  direction: Direction,
  { segments }: Pick<Sheet, 'segments'>,
  notifyAt?: readonly number[],
): CyclicBuffer => ({ direction, segments, format: FORMAT, ...(notifyAt && { notifyAt }) })

/** The direction that a check takes which would do with any. */
export function anyDirection({ engine }: CyclicBench): Direction {
  return engine.abilities.directions.includes('input') ? 'input' : 'output'
}

export const accessOf = (direction: Direction): 'read' | 'write' => (direction === 'input' ? 'write' : 'read')

/** So long passed unwatched that nobody can tell what the device did meanwhile. Says nothing of the device. */
export class Stalled extends Error {}

/** Watches a stream without losing count of its turns. */
export class Watch {
  readonly #clock: Clock
  readonly #stream: CyclicStream
  #position: number
  #at: number
  /** Bytes since the watch began. */
  moved = 0
  wraps = 0

  /** @param since on the clock, when the position was last known to be `position`; it is read unless told */
  constructor({ device: { clock } }: CyclicBench, stream: CyclicStream, since = clock.now(), position?: number) {
    this.#clock = clock
    this.#stream = stream
    this.#at = since
    this.#position = position ?? stream.position()
  }

  /** Reads the position. A step back looks like nearly a turn: that is refused. @throws Stalled */
  look(): number {
    const now = this.#stream.position()
    unstalled(this.#clock.now() - this.#at, SIZE / 4)
    this.moved += forward(this.#position, now)
    if (now < this.#position) this.wraps++
    ;[this.#position, this.#at] = [now, this.#clock.now()]
    return now
  }
}

/** @throws Stalled when a device may have moved more than so many bytes in that time */
export function unstalled(ms: number, bytes: number): void {
  if (ms * BYTES_A_MS > bytes) throw new Stalled(`${ms} ms passed unwatched, in which ${bytes} bytes may have moved`)
}

/** Looks in small steps until so many bytes have moved since it was called. */
export async function untilMoved(bench: CyclicBench, stream: CyclicStream, bytes: number): Promise<void> {
  const { clock } = bench.device
  const watch = new Watch(bench, stream)
  const deadline = clock.now() + PATIENCE
  while (watch.moved < bytes) {
    if (clock.now() > deadline)
      throw new Error(`the position moved ${watch.moved} bytes in ${PATIENCE} ms, not ${bytes}`)
    await sleep(clock, 2)
    watch.look()
  }
}

/** Bytes from one position to a later one, modulo the buffer. Backwards looks like nearly a turn: that is refused. */
export function forward(from: number, to: number): number {
  expect(to).toBeGreaterThanOrEqual(0)
  expect(to).toBeLessThan(SIZE)
  const bytes = (to - from + SIZE) % SIZE
  expect(bytes).toBeLessThan(SIZE / 2)
  return bytes
}

/** The bytes [from, to) of a recording as they must be; undefined where nobody knows. */
export function recorded({ engine }: CyclicBench, from: number, to: number): Uint8Array | undefined {
  const { records } = engine.abilities
  if (records === 'unknown') return undefined
  const length = Math.max(0, to - from)
  return Uint8Array.from({ length }, (_, i) => (records === 'silence' ? 0 : (from + i) % 251))
}

/** No byte has changed that was poison. */
export function expectPoison(bytes: Uint8Array, from = 0): void {
  expect({ from, touched: bytes.subarray(from).findIndex((byte) => byte !== POISON) }).toEqual({ from, touched: -1 })
}
