import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ListSurface } from '../../src/native/surface.ts'
import { codeThrownBy } from './providers.ts'

const SIZE = 24
const NO_LIMIT = [0xffff_ffff, 0] as const

interface Element {
  readonly address: bigint
  readonly length: number
}

type Segments = readonly (readonly [bus: bigint, length: number])[]

/** [offset, offset + length) of the segments as elements: counted first, then written, and read by literal offsets. */
function listOf(
  surface: ListSurface,
  segments: Segments,
  part: readonly [number, number],
  limits: readonly [number, number] = NO_LIMIT,
): readonly Element[] {
  const bus = BigUint64Array.from(segments, ([address]) => address)
  const lengths = Float64Array.from(segments, ([, length]) => length)
  const count = surface.writeElements(new Uint8Array(), bus, lengths, ...part, ...limits)
  const target = new Uint8Array(count * SIZE).fill(0xaa)
  expect(surface.writeElements(target, bus, lengths, ...part, ...limits)).toBe(count)
  const words = new DataView(target.buffer)
  return Array.from({ length: count }, (_, index) => {
    const at = index * SIZE
    expect(words.getUint32(at + 12, true)).toBe(0)
    expect(words.getBigUint64(at + 16, true)).toBe(0n)
    return { address: words.getBigUint64(at, true), length: words.getUint32(at + 8, true) }
  })
}

/** The bus address of every byte, in order. */
const bytesOf = (segments: Segments): readonly bigint[] =>
  segments.flatMap(([bus, length]) => Array.from({ length }, (_, byte) => bus + BigInt(byte)))

/** Segments of a few bytes each, some of which follow one another; none covers a byte of another. */
const anySegments: fc.Arbitrary<Segments> = fc
  .tuple(
    fc.constantFrom(0n, 0x0ff0n, 0x1_0000_0000n - 60n, 2n ** 63n - 60n, 2n ** 64n - 2000n),
    fc.array(fc.tuple(fc.constantFrom(0, 0, 1, 7, 64), fc.nat(40)), { maxLength: 12 }),
  )
  .chain(([base, steps]) => {
    let next = base
    const segments = steps.map(([gap, length]) => {
      const start = next + BigInt(gap)
      next = start + BigInt(length)
      return [start, length] as const
    })
    // Either as they come, or in an order of their own.
    return fc.oneof(fc.constant(segments), fc.shuffledSubarray(segments))
  })

/** Element lists: what every provider must write. */
export function describeElementList(surface: ListSurface): void {
  it('writes exactly the bytes of the part, in order and within the limits', () => {
    const anyPart = fc.tuple(fc.nat(1000), fc.nat(1000))
    const anyLimits = fc.tuple(fc.integer({ min: 1, max: 90 }), fc.constantFrom(0, 1, 2, 16, 64, 4096))
    fc.assert(
      fc.property(anySegments, anyPart, anyLimits, (segments, [from, to], [longest, boundary]) => {
        const bytes = bytesOf(segments)
        const [first, last] = [from, to].map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b)
        const [offset, end] = [first ?? 0, last ?? 0]
        const elements = listOf(surface, segments, [offset, end - offset], [longest, boundary])
        expect(bytesOf(elements.map(({ address, length }) => [address, length]))).toEqual(bytes.slice(offset, end))
        for (const [index, { address, length }] of elements.entries()) {
          expect(length).toBeGreaterThan(0)
          expect(length).toBeLessThanOrEqual(longest)
          const final = address + BigInt(length)
          const multiple = BigInt(boundary)
          if (boundary !== 0) expect(address / multiple).toBe((final - 1n) / multiple)
          // Bytes that follow one another are cut only where they must be.
          if (elements[index + 1]?.address !== final) continue
          expect(length === longest || (boundary !== 0 && final % multiple === 0n)).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  describe('an element', () => {
    it('joins segments that follow one another on the bus', () => {
      const segments = [
        [0x1000n, 4096],
        [0x2000n, 4096],
        [0x4000n, 4096],
      ] as const
      expect(listOf(surface, segments, [100, 3 * 4096 - 200])).toEqual([
        { address: 0x1064n, length: 8092 },
        { address: 0x4000n, length: 3996 },
      ])
    })

    it('is no longer than it may be, and 4 GiB - 1 at most', () => {
      expect(listOf(surface, [[0x1_0000n, 2 ** 32]], [0, 2 ** 32])).toEqual([
        { address: 0x1_0000n, length: 0xffff_ffff },
        { address: 0x1_0000_ffffn, length: 1 },
      ])
    })

    it.each([32n, 53n, 63n])('crosses 2^%d where there is no boundary', (bits) => {
      const start = 2n ** bits - 100n
      expect(listOf(surface, [[start, 200]], [0, 200])).toEqual([{ address: start, length: 200 }])
    })

    it('ends at the end of the address space, in the middle of a segment, too', () => {
      expect(listOf(surface, [[2n ** 64n - 2n, 5]], [0, 5])).toEqual([
        { address: 2n ** 64n - 2n, length: 2 },
        { address: 0n, length: 3 },
      ])
      const segments = [
        [2n ** 64n - 4096n, 4096],
        [0n, 4096],
      ] as const
      expect(listOf(surface, segments, [0, 8192]).map(({ length }) => length)).toEqual([4096, 4096])
    })
  })

  it('counts the elements that find no room, and leaves the bytes behind the last whole one', () => {
    const bus = BigUint64Array.of(0n, 0x2000n, 0x4000n)
    const lengths = Float64Array.of(4096, 4096, 4096)
    const target = new Uint8Array(2 * SIZE + 5).fill(0xaa)
    expect(surface.writeElements(target, bus, lengths, 0, 12_288, ...NO_LIMIT)).toBe(3)
    expect(target.subarray(2 * SIZE)).toEqual(new Uint8Array(5).fill(0xaa))
    expect(new DataView(target.buffer).getBigUint64(SIZE, true)).toBe(0x2000n)
  })

  it.each([
    ['a part behind the segments', [4000, 97, 4096, 0]],
    ['a boundary that is no power of two', [0, 1, 4096, 24]],
    ['elements of no byte', [0, 1, 0, 0]],
    ['elements of 4 GiB', [0, 1, 2 ** 32, 0]],
    ['a negative offset', [-1, 1, 4096, 0]],
    ['half a byte', [0, 0.5, 4096, 0]],
  ] as const)('refuses %s', (_, [offset, length, longest, boundary]) => {
    const act = (): number =>
      surface.writeElements(
        new Uint8Array(),
        BigUint64Array.of(0n),
        Float64Array.of(4096),
        offset,
        length,
        longest,
        boundary,
      )
    expect(codeThrownBy(act)).toBe('range-outside')
  })

  it.each([
    ['a segment of half a byte', [0n], [0.5]],
    ['a segment of one byte less than none', [0n], [-1]],
    ['a segment of less than nothing', [0n], [-4096]],
    ['a segment of no number', [0n], [Number.NaN]],
    ['more addresses than lengths', [0n, 0x1000n], [4096]],
  ] as const)('refuses %s', (_, bus, lengths) => {
    const [addresses, bytes] = [BigUint64Array.from(bus), Float64Array.from(lengths)]
    const act = (): number => surface.writeElements(new Uint8Array(), addresses, bytes, 0, 1, ...NO_LIMIT)
    expect(codeThrownBy(act)).toBe('range-outside')
  })

  it('refuses arrays of another type', () => {
    const wrong = new Uint8Array(8) as unknown as Float64Array
    const act = (): number => surface.writeElements(new Uint8Array(), new BigUint64Array(1), wrong, 0, 1, ...NO_LIMIT)
    expect(codeThrownBy(act)).toBe('internal')
  })
}
