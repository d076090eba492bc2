import { type Va, va } from '../../src/base/address.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { PAGE_SIZE } from '../../src/base/pages.ts'
import { openLoopback } from '../../src/backend/loopback/device.ts'
import type { HostMemory } from '../../src/device/contract.ts'
import type { Bench } from './bench.ts'
import { type DeviceFacts, eduFacts, sgFacts } from './facts.ts'

/** Memory without native code: what the model reaches by offset. */
export class ArrayMemory implements HostMemory {
  readonly area = 0
  readonly address: Va = va(0x7000_0000_0000n)
  readonly size: number
  readonly #bytes: Uint8Array

  constructor(frames: number) {
    this.size = frames * PAGE_SIZE
    this.#bytes = new Uint8Array(this.size)
  }

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, offset + length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, offset)
  }
}

/** Memory of any size, of which only what was written takes some. */
export class SparseMemory implements HostMemory {
  readonly area = 0
  readonly address: Va = va(0x7000_0000_0000n)
  readonly size: number
  readonly #pages = new Map<number, Uint8Array>()

  constructor(frames: number) {
    this.size = frames * PAGE_SIZE
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (const { page, from, part } of this.#parts(offset, bytes)) {
      const written = this.#pages.get(page)
      if (written !== undefined) part.set(written.subarray(from, from + part.length))
    }
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    for (const { page, from, part } of this.#parts(offset, bytes)) {
      const written = this.#pages.get(page) ?? new Uint8Array(PAGE_SIZE)
      written.set(part, from)
      this.#pages.set(page, written)
    }
  }

  /** What of `bytes` lies in which page. */
  *#parts(offset: number, bytes: Uint8Array) {
    if (offset < 0 || offset + bytes.length > this.size) throw new RangeError(`${offset} is not inside the memory`)
    for (let done = 0; done < bytes.length;) {
      const from = (offset + done) % PAGE_SIZE
      const part = bytes.subarray(done, done + PAGE_SIZE - from)
      yield { page: (offset + done - from) / PAGE_SIZE, from, part }
      done += part.length
    }
  }
}

/** 256 MiB, and a frame more. */
export const CONTRACT_FRAMES = 65_537

/** Unsigned 32-bit numbers, the same ones each time (Marsaglia's xorshift). */
export function xorshift(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

function factsOf(ref: string): DeviceFacts {
  if (ref.startsWith('loopback:sg')) return sgFacts
  return { ...eduFacts, vectors: { ...eduFacts.vectors, msi: Number(/[?&]msi=(\d+)/.exec(ref)?.[1] ?? 1) } }
}

export async function openLoopbackBench(ref: string): Promise<Bench> {
  const device = openLoopback(ref, { clock: new VirtualClock(), random: xorshift(0x2545_f491) })
  let next = 0x7f00_0000_0000n
  return {
    device,
    facts: factsOf(ref),
    memory: new SparseMemory(CONTRACT_FRAMES),
    reserve(bytes) {
      const start = va(next)
      next += BigInt(bytes)
      return start
    },
    close: () => device.close(),
  }
}
