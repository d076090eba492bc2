import { expect } from '@jest/globals'
import { type BusAddress, busAddress } from '../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { type Bench, type Check, failure, freePlace, map, roomFor } from '../bench.ts'

const PAGE = BigInt(PAGE_SIZE)

/** What no domain maps, and that nothing is left of what was refused. */
export const refusalChecks: readonly Check[] = [
  {
    name: 'an overlap is refused, whichever part it is, and leaves nothing mapped',
    needs: ['placement'],
    async run(bench) {
      const bus = freePlace(bench, 8)
      using taken = map(bench, [2, 4], 'both', at(bus + 3n * PAGE))
      const before = bench.device.dma.entries
      const shapes: Readonly<Record<string, readonly [page: bigint, frames: readonly number[]]>> = {
        same: [3n, [5, 9]],
        'its first page': [3n, [5]],
        'its last page': [4n, [5]],
        'into its head': [1n, [5, 9, 7]],
        'out of its tail': [4n, [5, 9]],
        around: [1n, [5, 9, 7, 11, 13]],
      }
      for (const [shape, [page, frames]] of Object.entries(shapes)) {
        const code = await failure(() => map(bench, frames, 'both', at(bus + page * PAGE)))
        expect([shape, code, bench.device.dma.entries]).toEqual([shape, 'dma-overlap', before])
      }
      using below = map(bench, [5, 9], 'both', at(bus + PAGE))
      using above = map(bench, [5, 9], 'both', at(bus + 5n * PAGE))
      expect(taken.size + below.size + above.size).toBe(6 * PAGE_SIZE)
    },
  },
  {
    name: 'addresses before, between and behind the apertures are refused, and leave nothing mapped',
    needs: ['placement'],
    async run(bench) {
      const before = bench.device.dma.entries
      for (const { first, last } of gapsOf(bench)) {
        const places = [first, last + 1n - PAGE].map((bus) => [bus, [1]] as const)
        const into = first > 0n ? [[first - PAGE, [1, 2]] as const] : []
        for (const [bus, frames] of [...places, ...into]) {
          const code = await failure(() => map(bench, frames, 'both', at(bus)))
          expect([bus, code]).toEqual([bus, 'dma-outside-aperture'])
        }
      }
      expect(bench.device.dma.entries).toBe(before)
    },
  },
  {
    name: 'a range that overflows 64 bits is refused with its own code',
    needs: ['placement'],
    async run(bench) {
      const placement = { kind: 'at', bus: busAddress(2n ** 64n - PAGE) } as const
      expect(await failure(() => map(bench, [1, 2], 'both', placement))).toBe('dma-range-overflow')
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
    name: 'one entry more than there are is refused as such, and all that it had mapped is given back',
    needs: ['placement', 'entry-limit'],
    async run(bench) {
      const { dma } = bench.device
      const limit = dma.capabilities.maxEntries
      const apart = Array.from({ length: limit + 1 }, (_, index) => 2 * (index % 2))
      const place = at(roomFor(bench, limit + 1))
      const code = await failure(() => map(bench, apart, 'both', place))
      expect([code, dma.entries]).toEqual(['dma-entries-exhausted', 0])
      const all = map(bench, apart.slice(1), 'both', place)
      expect([dma.entries, all.unmap()]).toEqual([limit, limit * PAGE_SIZE])
    },
  },
]

const at = (bus: bigint) => ({ kind: 'at', bus: busAddress(bus) }) as const

/** What the apertures leave out of 64 bits, in whole pages; inclusive. */
function gapsOf({ device }: Bench): readonly { readonly first: bigint; readonly last: bigint }[] {
  const { apertures } = device.dma.capabilities
  const starts = [0n, ...apertures.map(({ last }) => last + 1n)]
  const ends: readonly bigint[] = [...apertures.map(({ first }): BusAddress => first), 2n ** 64n]
  const gaps = starts.map((start, index) => ({
    first: ((start + PAGE - 1n) / PAGE) * PAGE,
    last: ((ends[index] ?? 0n) / PAGE) * PAGE - 1n,
  }))
  return gaps.filter(({ first, last }) => first < last)
}
