import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { codeOf } from '../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { AddressSpace } from '../../../src/memory/address-space.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { type MemorySurface, Protection } from '../../../src/native/surface.ts'
import type { MemoryView } from '../../../src/memory/memory-view.ts'
import { describeOverNative } from './providers.ts'

const SIZE = 3 * PAGE_SIZE

async function withViews(native: MemorySurface, body: (view: MemoryView, other: MemoryView) => void): Promise<void> {
  using frames = new FrameStore({ native, frames: 8, random: seededRandom(1n) })
  await using space = new AddressSpace({ native, rangeSize: 16 * PAGE_SIZE })
  const map = (...indices: number[]): MemoryView =>
    space.mapFrames({ memory: frames, indices: Uint32Array.from(indices) }, Protection.readWrite, 'system')
  body(map(5, 1, 2), map(0, 7, 4))
}

const range = fc.tuple(fc.nat(SIZE), fc.nat(SIZE)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))

describeOverNative('a memory view', (native) => {
  it('agrees with an array, whatever is written, filled and copied', () =>
    withViews(native, (view, other) => {
      const [bytes, others] = [new Uint8Array(SIZE), new Uint8Array(SIZE)]
      fc.assert(
        fc.property(range, fc.nat(255), fc.nat(SIZE), ({ from, to }, byte, target) => {
          view.write(
            from,
            bytes.subarray(0, to - from).map((_, i) => i + byte),
          )
          bytes.set(
            bytes.slice(0, to - from).map((_, i) => i + byte),
            from,
          )
          other.fill(from, to - from, byte)
          others.fill(byte, from, to)
          const length = Math.min(to - from, SIZE - target)
          view.copyTo(other, target, from, length)
          others.set(bytes.slice(from, from + length), target)
          expect(view.compare(0, bytes)).toBe(-1)
          expect(Buffer.compare(other.read(0, SIZE), others)).toBe(0)
        }),
        { numRuns: 50 },
      )
    }))

  it('names the first byte that differs', () =>
    withViews(native, (view) => {
      fc.assert(
        fc.property(range, fc.nat(), ({ from, to }, pick) => {
          fc.pre(to > from)
          const expected = view.read(from, to - from)
          const at = pick % expected.length
          expected[at] = ~(expected[at] ?? 0)
          expect(view.compare(from, expected)).toBe(at)
        }),
      )
    }))

  it('throws `closed` from every accessor after close, and closes twice', () =>
    withViews(native, (view, other) => {
      view.close()
      view.close()
      const uses = [
        () => view.read(0, 1),
        () => view.write(0, Uint8Array.of(1)),
        () => view.fill(0, 1, 1),
        () => view.compare(0, Uint8Array.of(1)),
        () => view.copyTo(other, 0, 0, 1),
        () => other.copyTo(view, 0, 0, 1),
        () => view.protect(Protection.read),
        () => view.bytes(),
      ]
      for (const use of uses) {
        let code: unknown
        try {
          use()
        } catch (error) {
          code = codeOf(error)
        }
        expect(code).toBe('closed')
      }
    }))
})
