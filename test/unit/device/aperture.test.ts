import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../src/base/address.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { type Allocation, BusAllocator, clipApertures } from '../../../src/device/aperture.ts'
import { counting } from './counting.ts'

const PAGE = 4096
const aperture = (first: bigint, last: bigint) => ({ first: busAddress(first), last: busAddress(last) })
const bench = [aperture(0n, 0xfedf_ffffn), aperture(0xfef0_0000n, 0x7f_ffff_ffffn)]
const small = [aperture(0n, 0x3_ffffn), aperture(0x8_0000n, 0x9_ffffn)]

const allocator = (apertures = bench, bits = 64, seed = 1) => new BusAllocator(apertures, bits, counting(seed))
const at = (bus: bigint) => ({ kind: 'at', bus: busAddress(bus) }) as const

function failureOf(act: () => unknown) {
  try {
    act()
  } catch (error) {
    return codeOf(error)
  }
  return 'no error'
}

interface Placed {
  readonly allocation: Allocation
  readonly lengths: readonly number[]
}

/** [first byte, byte behind the last] of each run, ascending. */
function spans(placed: readonly Placed[]): [bigint, bigint][] {
  return placed
    .flatMap(({ allocation, lengths }) =>
      lengths.map((length, run): [bigint, bigint] => {
        const start = allocation.starts[run] ?? 0n
        return [start, start + BigInt(length)]
      }),
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

describe('apertures', () => {
  it('are clipped to what the device can reach', () => {
    expect(clipApertures(bench, 28)).toEqual([aperture(0n, 0xfff_ffffn)])
    expect(clipApertures(bench, 36)).toEqual([aperture(0n, 0xfedf_ffffn), aperture(0xfef0_0000n, 0xf_ffff_ffffn)])
    expect(clipApertures([aperture(0n, 2n ** 64n - 1n)], 64)).toEqual([aperture(0n, 2n ** 64n - 1n)])
  })
})

describe('a bus allocator', () => {
  const requests = fc.array(
    fc.record({
      pages: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
      kind: fc.constantFrom('scatter', 'join'),
      freed: fc.nat(20),
    }),
    { maxLength: 30 },
  )

  it('places runs page aligned, inside the apertures, never on page 0 and with a free page between them', () => {
    fc.assert(
      fc.property(requests, fc.nat(), (list, seed) => {
        const bus = allocator(small, 64, seed)
        const live: Placed[] = []
        for (const { pages, kind, freed } of list) {
          const [gone] = live.splice(freed, 1)
          if (gone !== undefined) bus.free(gone.allocation)
          const lengths = pages.map((count) => count * PAGE)
          try {
            const allocation = bus.place(lengths, { kind: kind === 'join' ? 'join' : 'scatter' })
            // Joined runs are one span to the rest of the world.
            const spanned = kind === 'join' ? [lengths.reduce((sum, length) => sum + length, 0)] : lengths
            live.push({ allocation, lengths: spanned })
          } catch (error) {
            expect(codeOf(error)).toBe('dma-outside-aperture')
          }
          const all = spans(live)
          for (const [start, end] of all) {
            expect(start % 4096n).toBe(0n)
            expect(start).toBeGreaterThan(0n)
            expect(small.some(({ first, last }) => first <= start && end - 1n <= last)).toBe(true)
          }
          all.slice(1).forEach(([start], index) => expect(start).toBeGreaterThan(all[index]?.[1] ?? 0n))
        }
      }),
    )
  })

  it('joins runs into one range', () => {
    const { starts } = allocator().place([PAGE, 3 * PAGE, PAGE], { kind: 'join' })
    const first = starts[0] ?? 0n
    expect([...starts]).toEqual([first, first + 4096n, first + 4n * 4096n])
  })

  it('gives the same places for the same random numbers, and others for others', () => {
    const place = (seed: number) => [
      ...allocator(bench, 64, seed).place([PAGE, PAGE, PAGE], { kind: 'scatter' }).starts,
    ]
    expect(place(7)).toEqual(place(7))
    expect(place(7)).not.toEqual(place(8))
  })

  it('uses space again that was freed', () => {
    const bus = allocator([aperture(0x1000n, 0x5fffn)])
    const first = bus.place([3 * PAGE], { kind: 'join' })
    expect(failureOf(() => bus.place([PAGE], { kind: 'join' }))).toBe('dma-outside-aperture')
    bus.free(first)
    expect([...bus.place([3 * PAGE], { kind: 'join' }).starts]).toEqual([0x2000n])
  })

  it('takes nothing when not all runs find a place, and tells how much is free', () => {
    const bus = allocator([aperture(0n, 0xffffn)])
    expect(() => bus.place([PAGE, 20 * PAGE], { kind: 'scatter' })).toThrow(/1[45] pages are free/)
    expect([...bus.place([13 * PAGE], { kind: 'join' }).starts]).toEqual([0x2000n])
  })

  it('places 65,535 single pages, then frees and places them again', () => {
    const bus = allocator(bench, 39)
    const lengths = new Float64Array(65_535).fill(PAGE)
    for (let round = 0; round < 2; round++) {
      const allocation = bus.place(lengths, { kind: 'scatter' })
      expect(new Set(allocation.starts).size).toBe(65_535)
      bus.free(allocation)
    }
  })

  it('refuses to free twice', () => {
    const bus = allocator()
    const allocation = bus.place([PAGE], { kind: 'scatter' })
    bus.free(allocation)
    expect(failureOf(() => bus.free(allocation))).toBe('internal')
  })

  it('refuses runs that are no whole pages', () => {
    for (const length of [0, 100, PAGE + 1, -PAGE, Number.NaN]) {
      expect(failureOf(() => allocator().place([length], { kind: 'scatter' }))).toBe('dma-misaligned')
    }
  })
})

describe('ranges to keep free', () => {
  const keep = [aperture(0x2000n, 0x7fffn)]
  const bus = () => new BusAllocator([aperture(0x1000n, 0xbfffn)], 64, counting(), keep)

  it('are never chosen, and stay free of choice after a caller used them', () => {
    const allocator = bus()
    allocator.free(allocator.place([PAGE], at(0x3000n)))
    expect([...allocator.place([2 * PAGE], { kind: 'join' }).starts]).toEqual([0x9000n])
    expect(failureOf(() => allocator.place([PAGE], { kind: 'scatter' }))).toBe('dma-outside-aperture')
  })

  it('can be used by a caller who names them', () => {
    expect([...bus().place([2 * PAGE], at(0x3000n)).starts]).toEqual([0x3000n])
  })
})

describe('a place named by the caller', () => {
  it('is taken as it is: first page, last page, page 0, the top of 64 bits', () => {
    const wide = allocator([aperture(0n, 2n ** 64n - 1n)])
    for (const bus of [0n, 4096n, 2n ** 64n - 4096n]) expect([...wide.place([PAGE], at(bus)).starts]).toEqual([bus])
    expect([...allocator(bench, 28).place([PAGE], at(0xfff_f000n)).starts]).toEqual([0xfff_f000n])
  })

  it.each([
    ['off a page boundary', 0x1080n, 1, 'dma-misaligned'],
    ['above the address width', 0x1000_0000n, 1, 'dma-outside-aperture'],
    ['over the end of the aperture', 0xfff_f000n, 2, 'dma-outside-aperture'],
    ['over the end of the address space', 2n ** 64n - 4096n, 2, 'dma-range-overflow'],
  ] as const)('is refused %s', (_, bus, pages, code) => {
    expect(failureOf(() => allocator(bench, 28).place([pages * PAGE], at(bus)))).toBe(code)
  })

  it('is refused where it lies across the hole between apertures', () => {
    for (const bus of [0xfedf_f000n, 0xfee0_0000n, 0xfeef_f000n]) {
      expect(failureOf(() => allocator().place([2 * PAGE], at(bus)))).toBe('dma-outside-aperture')
    }
  })

  it('may overlap another one, because the platform judges that, and both are given back exactly', () => {
    const bus = allocator([aperture(0x1000n, 0x8fffn)])
    const first = bus.place([3 * PAGE], at(0x2000n))
    const second = bus.place([3 * PAGE], at(0x4000n))
    bus.free(second)
    // 0x5000-0x8fff is free again and 0x2000-0x4fff is not.
    expect([...bus.place([2 * PAGE], { kind: 'join' }).starts]).toEqual([0x6000n])
    bus.free(first)
  })

  it('is avoided by whatever is placed later', () => {
    const bus = allocator([aperture(0x1000n, 0x8fffn)])
    bus.place([3 * PAGE], at(0x1000n))
    const { starts } = bus.place([PAGE], { kind: 'scatter' })
    expect(starts[0]).toBeGreaterThan(0x4000n)
  })
})
