import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import type { Mapping, Placement } from '../../../src/device/contract.ts'
import { type Bench, busOf, type Check, freePlace, map } from '../bench.ts'

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
