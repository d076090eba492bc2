import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { advance } from '../../../src/base/address.ts'
import {
  busOf,
  type Check,
  expectPoison,
  failure,
  load,
  loadBytes,
  map,
  pattern,
  poison,
  roomFor,
  store,
} from '../bench.ts'

const SIZES = { '4 KiB': 1, '2 MiB': 512, '256 MiB': 65_536 } as const

/** Bytes of one transfer. */
const LENGTH = 64

const sizeChecks = Object.entries(SIZES).map(([size, pages]): Check => ({
  name: `${size} are mapped as one, unmapped to the byte, and out of the device's reach then`,
  needs: ['edu', 'placement', 'revocation'],
  async run(bench) {
    const { memory } = bench
    const last = pages - 1
    const bytes = pattern(pages, LENGTH)
    await loadBytes(bench, bytes)
    const frames = Array.from({ length: pages }, (_, frame) => frame)
    const mapping = map(bench, frames, 'both', { kind: 'at', bus: roomFor(bench, pages) })
    const [first, end] = [busOf(mapping), advance(busOf(mapping), last * PAGE_SIZE)]
    expect([...mapping.segments]).toEqual([{ bus: first, length: pages * PAGE_SIZE }])
    await store(bench, end, LENGTH)
    expect(memory.read(last * PAGE_SIZE, LENGTH)).toEqual(bytes)

    expect(mapping.unmap()).toBe(pages * PAGE_SIZE)
    poison(bench, [0, last])
    for (const bus of new Set([first, end])) await store(bench, bus, LENGTH)
    expectPoison(bench, [0, last])
    await load(bench, end, LENGTH)
    using shown = map(bench, [pages])
    await store(bench, busOf(shown), LENGTH)
    expect(memory.read(pages * PAGE_SIZE, LENGTH)).not.toEqual(memory.read(last * PAGE_SIZE, LENGTH))
  },
}))

/** What is left of a mapping when it ends. */
export const unmappingChecks: readonly Check[] = [
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
  ...sizeChecks,
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
