import { expect } from '@jest/globals'
import type { BusAddress } from '../../../src/base/address.ts'
import { advance, busAddress } from '../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import type { Device, DmaAccess, HostMemory, Mapping } from '../../../src/device/contract.ts'
import { type Segment, Segments } from '../../../src/device/segments.ts'
import type { DmaEngine } from '../../../src/engine/contract.ts'

/** What an engine is tried with: the device that it drives, with bus mastering on, and memory for it. */
export interface EngineBench {
  readonly engine: DmaEngine
  readonly device: Device
  /** At least 16 frames that nobody else uses, by their index. */
  readonly memory: HostMemory
  readonly frames: readonly number[]
  /** The device is through with a command before anybody can look: that it was at work shows by its results alone. */
  readonly quick?: boolean
  close(): void | Promise<void>
}

/** One thing that an engine must do. It throws when the engine does not. */
export interface EngineCheck {
  readonly name: string
  readonly run: (bench: EngineBench) => Promise<void>
}

/** Differs from page to page and from byte to byte, and is never POISON. */
export const pattern = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((i * 7 + (i >> 8) * 29 + salt * 53) & 0x7f) + 1)

const POISON = 0xee

/** The frames with these places among the bench's, mapped apart from one another on the bus. */
export function map({ device, memory, frames }: EngineBench, places: readonly number[], access: DmaAccess): Mapping {
  const indices = Uint32Array.from(places, (place) => frames[place] ?? 0)
  return device.dma.map({ memory, indices }, access)
}

export function poison({ memory, frames }: EngineBench): void {
  for (const frame of frames) memory.write(frame * PAGE_SIZE, new Uint8Array(PAGE_SIZE).fill(POISON))
}

/** The bus address of each page of a mapping. */
export function pages(mapping: Mapping): readonly BusAddress[] {
  return [...mapping.segments].flatMap(({ bus, length }) =>
    Array.from({ length: length / PAGE_SIZE }, (_, page) => advance(bus, page * PAGE_SIZE)),
  )
}

/** Parts of pages, as segments in this order. */
export interface Part {
  readonly place: number
  readonly offset: number
  readonly length: number
}

export function segmentsOf(mapping: Mapping, parts: readonly Part[]): Segments {
  const starts = pages(mapping)
  return Segments.of(
    parts.map(({ place, offset, length }): Segment => ({
      bus: advance(starts[place] ?? busAddress(0), offset),
      length,
    })),
  )
}

/** All bytes of the bench's frames as they must be: `data` in the parts, in order, and poison around them. */
export function expectOnly(bench: EngineBench, parts: readonly Part[], data: Uint8Array): void {
  const expected = bench.frames.map(() => new Uint8Array(PAGE_SIZE).fill(POISON))
  let done = 0
  for (const { place, offset, length } of parts) {
    expected[place]?.set(data.subarray(done, done + length), offset)
    done += length
  }
  for (const [place, frame] of bench.frames.entries()) {
    const seen = bench.memory.read(frame * PAGE_SIZE, PAGE_SIZE)
    const first = seen.findIndex((byte, i) => byte !== expected[place]?.[i])
    expect({ place, first, byte: seen[first] }).toEqual({ place, first: -1, byte: undefined })
  }
}

/** Scattered, of odd lengths, at odd offsets, out of order, one byte among them. */
export const SCATTERED: readonly Part[] = [
  { place: 5, offset: 1, length: 333 },
  { place: 0, offset: PAGE_SIZE - 1, length: 1 },
  { place: 3, offset: 17, length: 1001 },
]
export const sizeOf = (parts: readonly Part[]): number => parts.reduce((sum, { length }) => sum + length, 0)
export const SPREAD = [0, 1, 2, 3, 4, 5]
