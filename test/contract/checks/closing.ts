import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { anyKind, bar, type Check, failure, map, PATIENCE } from '../bench.ts'

const BUS_MASTER = 4

export const closingChecks: readonly Check[] = [
  {
    name: 'bus mastering is off when it opens',
    asOpened: true,
    run({ device: { config } }) {
      expect(config.read16(4) & BUS_MASTER).toBe(0)
    },
  },
  {
    name: 'bus mastering is off after a reset, and memory decoding as before',
    run({ device }) {
      const { config } = device
      expect(config.read16(4) & BUS_MASTER).toBe(BUS_MASTER)
      const decoding = config.read16(4) & 2
      device.reset()
      expect(config.read16(4) & (BUS_MASTER | 2)).toBe(decoding)
    },
  },
  {
    name: 'it says how it is reset, or refuses to be',
    async run({ device }) {
      const { resets } = device
      expect(resets === undefined || resets.method !== '').toBe(true)
      expect(await failure(() => device.reset())).toBe(resets === undefined ? 'capability-missing' : 'no error')
    },
  },
  {
    name: 'every member refuses to work after close',
    async run(bench) {
      const { device } = bench
      const { config, interrupts, faults, notices } = device
      const region = bar(bench)
      const view = region.map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      const mapping = map(bench, [1])
      device.close()
      const uses: Record<string, () => unknown> = {
        'config.read8': () => config.read8(0),
        'config.read16': () => config.read16(0),
        'config.read32': () => config.read32(0),
        'config.write8': () => config.write8(0x3c, 0),
        'config.write16': () => config.write16(4, 6),
        'config.write32': () => config.write32(4, 6),
        'region.read8': () => region.read8(0),
        'region.read16': () => region.read16(0),
        'region.read32': () => region.read32(0),
        'region.read64': () => region.read64(0x80),
        'region.write8': () => region.write8(4, 0),
        'region.write16': () => region.write16(4, 0),
        'region.write32': () => region.write32(4, 0),
        'region.write64': () => region.write64(0x80, 0n),
        'region.map': () => region.map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE)),
        'view.read32': () => view.read32(0),
        'view.write64': () => view.write64(0x80, 0n),
        'dma.map': () => map(bench, [2]),
        'interrupts.enable': () => interrupts.enable('msi', 1),
        'interrupts.count': () => interrupts.count(0),
        'interrupts.wait': () => interrupts.wait(0, 0, { timeoutMs: PATIENCE }),
        'interrupts.trigger': () => interrupts.trigger(0),
        'interrupts.mask': () => interrupts.mask(0),
        'interrupts.unmask': () => interrupts.unmask(0),
        'notices.trigger': () => notices.trigger('request'),
        'faults.watch': async () => (faults.observable ? faults.watch() : config.read8(0)),
        reset: () => device.reset(),
      }
      // Closing has unmapped it, so either answer is true.
      expect(['closed', 'dma-unmapped']).toContain(await failure(() => mapping.unmap()))
      for (const [member, use] of Object.entries(uses)) expect([member, await failure(use)]).toEqual([member, 'closed'])
    },
  },
  {
    name: 'closing gives back mappings, and what is disposed after it is harmless',
    run(bench) {
      const { device } = bench
      const view = bar(bench).map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      const mapping = map(bench, [1, 9])
      device.close()
      mapping[Symbol.dispose]()
      view[Symbol.dispose]()
      device.close()
      device[Symbol.dispose]()
    },
  },
  {
    name: 'closing ends a wait',
    needs: ['interrupts'],
    async run({ device }) {
      device.interrupts.enable(anyKind({ device }), 1)
      const waiting = failure(() => device.interrupts.wait(0, 0, { timeoutMs: PATIENCE }))
      device.close()
      expect(['cancelled', 'closed']).toContain(await waiting)
    },
  },
]
