import { expect } from '@jest/globals'
import { busAddress } from '../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import type { Aperture } from '../../../src/device/contract.ts'
import { type Bench, busOf, type Check, expectPoison, loadBytes, map, pattern, poison, store } from '../bench.ts'

const PAGE = BigInt(PAGE_SIZE)

/** The edges of what can be mapped. */
export const apertureChecks: readonly Check[] = [
  {
    name: 'the first and the last page of every aperture can be mapped alone, and unmapped',
    needs: ['placement'],
    run(bench) {
      const { apertures } = bench.device.dma.capabilities
      expect(apertures.length).toBeGreaterThan(0)
      for (const bus of apertures.flatMap(edgesOf)) {
        const mapping = map(bench, [1], 'both', { kind: 'at', bus: busAddress(bus) })
        expect([...mapping.segments]).toEqual([{ bus, length: PAGE_SIZE }])
        expect(mapping.unmap()).toBe(PAGE_SIZE)
      }
    },
  },
  {
    name: 'the device reaches the highest page that it has an address for, until that is unmapped',
    needs: ['edu', 'placement', 'revocation'],
    async run(bench) {
      const bytes = pattern(33, 64)
      await loadBytes(bench, bytes)
      const mapping = map(bench, [33], 'both', { kind: 'at', bus: highestPage(bench) })
      await store(bench, busOf(mapping), 64)
      expect(bench.memory.read(33 * PAGE_SIZE, 64)).toEqual(bytes)
      expect(mapping.unmap()).toBe(PAGE_SIZE)
      poison(bench, [33])
      await store(bench, busOf(mapping), 64)
      expectPoison(bench, [33])
    },
  },
]

/** The first and the last whole page. */
function edgesOf({ first, last }: Aperture): readonly [bigint, bigint] {
  return [((first + PAGE - 1n) / PAGE) * PAGE, ((last + 1n) / PAGE) * PAGE - PAGE]
}

function highestPage({ device }: Bench) {
  const aperture = device.dma.capabilities.apertures.at(-1)
  if (aperture === undefined) throw new Error('the domain has no aperture')
  return busAddress(edgesOf(aperture)[1])
}
