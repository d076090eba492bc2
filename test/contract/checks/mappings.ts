import { expect } from '@jest/globals'
import { type BusAddress, busAddress } from '../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import type { Mapping, Placement } from '../../../src/device/contract.ts'
import { type Bench, busOf, type Check, failure, map } from '../bench.ts'

const PAGE = BigInt(PAGE_SIZE)

/** What Probar maps on the bus, as the domain tells it; the device takes no part. */
export const mappingChecks: readonly Check[] = [
  {
    name: 'segments are page aligned, inside an aperture and sum up to the mapping',
    run(bench) {
      for (const placement of placementsOf(bench)) {
        using mapping = map(bench, [3, 4, 9, 8, 20], 'both', placement)
        expectSegmentsOf(bench, mapping, 5)
      }
    },
  },
  {
    name: 'adjacent frames become one segment',
    run(bench) {
      using adjacent = map(bench, [4, 5, 6, 7], 'both', { kind: 'scatter' })
      expect(lengths(adjacent)).toEqual([4 * PAGE_SIZE])
      using mixed = map(bench, [10, 11, 20, 19, 30], 'both', { kind: 'scatter' })
      expect(lengths(mixed)).toEqual([2 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE])
    },
  },
  {
    name: 'scattered runs touch one another nowhere',
    run(bench) {
      using mapping = map(bench, [1, 3, 5, 7, 9, 11], 'both', { kind: 'scatter' })
      expect(mapping.segments.count).toBe(6)
      const ascending = [...mapping.segments].toSorted((a, b) => (a.bus < b.bus ? -1 : 1))
      ascending.slice(1).forEach(({ bus }, index) => {
        const before = ascending[index]
        expect(bus).toBeGreaterThan((before?.bus ?? 0n) + BigInt(before?.length ?? 0))
      })
    },
  },
  {
    name: 'joined runs follow one another',
    needs: ['placement'],
    run(bench) {
      using mapping = map(bench, [1, 3, 5, 7], 'both', { kind: 'join' })
      expectContiguous(mapping, busOf(mapping))
    },
  },
  {
    name: 'a mapping goes where it was told to',
    needs: ['placement'],
    run(bench) {
      const bus = freePlace(bench, 4)
      using mapping = map(bench, [2, 9, 4], 'both', { kind: 'at', bus })
      expectContiguous(mapping, bus)
    },
  },
  {
    name: 'a frame can be mapped twice, at two places',
    needs: ['placement'],
    run(bench) {
      using first = map(bench, [6])
      using second = map(bench, [6])
      expect(busOf(first)).not.toBe(busOf(second))
    },
  },
  {
    name: 'bus addresses do not tell frames',
    run(bench) {
      using mapping = map(bench, [16, 18, 20, 22, 24, 26])
      const homes = [16, 18, 20, 22, 24, 26].map((frame) => BigInt(frame) * PAGE)
      expect([...mapping.segments].map(({ bus }) => bus)).not.toEqual(homes)
    },
  },
  {
    name: 'an overlap is refused and leaves nothing mapped',
    needs: ['placement'],
    async run(bench) {
      const bus = freePlace(bench, 4)
      using taken = map(bench, [2], 'both', { kind: 'at', bus: busAddress(bus + PAGE) })
      const before = bench.device.dma.entries
      const code = await failure(() => map(bench, [5, 9, 7], 'both', { kind: 'at', bus }))
      expect([code, bench.device.dma.entries]).toEqual(['dma-overlap', before])
      using around = map(bench, [5], 'both', { kind: 'at', bus })
      expect(taken.size + around.size).toBe(2 * PAGE_SIZE)
    },
  },
  {
    name: 'an address outside the apertures is refused and leaves nothing mapped',
    needs: ['placement'],
    async run(bench) {
      const before = bench.device.dma.entries
      const last = bench.device.dma.capabilities.apertures.at(-1)?.last ?? busAddress(0)
      const codes = await Promise.all(
        [last + 1n, last + 1n - PAGE].map((bus) =>
          failure(() => map(bench, [1, 2], 'both', { kind: 'at', bus: busAddress(bus) })),
        ),
      )
      expect(codes).toEqual(['dma-outside-aperture', 'dma-outside-aperture'])
      expect(bench.device.dma.entries).toBe(before)
    },
  },
  {
    name: 'the last page of the last aperture can be mapped',
    needs: ['placement'],
    run(bench) {
      const last = bench.device.dma.capabilities.apertures.at(-1)?.last ?? busAddress(0)
      const bus = busAddress(last + 1n - PAGE)
      using mapping = map(bench, [1], 'both', { kind: 'at', bus })
      expect(busOf(mapping)).toBe(bus)
    },
  },
  {
    name: 'a range that runs over the end of the address space is refused',
    needs: ['placement'],
    async run(bench) {
      const placement = { kind: 'at', bus: busAddress(2n ** 64n - PAGE) } as const
      expect(await failure(() => map(bench, [1, 2], 'both', placement))).toBe('dma-outside-aperture')
    },
  },
  {
    name: 'an address off a page boundary is refused',
    needs: ['placement'],
    async run(bench) {
      const bus = busAddress(freePlace(bench, 2) + 0x80n)
      expect(await failure(() => map(bench, [1], 'both', { kind: 'at', bus }))).toBe('dma-misaligned')
    },
  },
  {
    name: 'a mapping of no frames is refused',
    async run(bench) {
      expect(await failure(() => map(bench, []))).toBe('dma-empty')
    },
  },
  {
    name: 'unmapping tells the exact bytes',
    run(bench) {
      expect(map(bench, [1, 2, 3, 9, 20, 21]).unmap()).toBe(6 * PAGE_SIZE)
    },
  },
  {
    name: 'unmapping what was joined tells the exact bytes',
    needs: ['placement'],
    run(bench) {
      expect(map(bench, [1, 9], 'read', { kind: 'join' }).unmap()).toBe(2 * PAGE_SIZE)
    },
  },
  {
    name: 'what was unmapped cannot be unmapped again, but disposed',
    async run(bench) {
      const mapping = map(bench, [1])
      mapping.unmap()
      expect(await failure(() => mapping.unmap())).toBe('dma-unmapped')
      mapping[Symbol.dispose]()
    },
  },
  {
    name: 'entries count what is mapped',
    run(bench) {
      const before = bench.device.dma.entries
      const mapping = map(bench, [1, 9])
      expect(bench.device.dma.entries).toBeGreaterThan(before)
      mapping.unmap()
      expect(bench.device.dma.entries).toBe(before)
    },
  },
]

/** All that automatic placement offers there. */
function placementsOf({ device }: Bench): readonly (Placement | undefined)[] {
  const everywhere = [undefined, { kind: 'scatter' }] as const
  return device.dma.capabilities.placement === 'caller' ? [...everywhere, { kind: 'join' }] : everywhere
}

function expectSegmentsOf(bench: Bench, mapping: Mapping, pages: number): void {
  const { apertures } = bench.device.dma.capabilities
  expect([mapping.size, mapping.segments.size]).toEqual([pages * PAGE_SIZE, pages * PAGE_SIZE])
  for (const { bus, length } of mapping.segments) {
    const last = bus + BigInt(length) - 1n
    const inside = apertures.some((aperture) => aperture.first <= bus && last <= aperture.last)
    expect({ bus, inside, misaligned: bus % PAGE, rest: length % PAGE_SIZE }).toEqual({
      bus,
      inside: true,
      misaligned: 0n,
      rest: 0,
    })
  }
}

function expectContiguous(mapping: Mapping, start: bigint): void {
  let next = start
  for (const { bus, length } of mapping.segments) {
    expect(bus).toBe(next)
    next += BigInt(length)
  }
  expect(next).toBe(start + BigInt(mapping.size))
}

const lengths = (mapping: Mapping): number[] => [...mapping.segments].map(({ length }) => length)

/** Where `pages` pages fit, as the domain itself found a moment ago. */
function freePlace(bench: Bench, pages: number): BusAddress {
  using mapping = map(bench, [...Array(pages).keys()], 'both', { kind: 'join' })
  return busOf(mapping)
}
