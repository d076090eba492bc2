import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { bar, type Bench, type Check, edu, failure, known, until } from '../bench.ts'

export const registerChecks: readonly Check[] = [
  {
    name: 'its identity is what config space says',
    run({ device: { identity, config, address }, facts }) {
      expect(address).toMatch(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/)
      expect(config.read16(0x00)).toBe(identity.vendor)
      expect(config.read16(0x02)).toBe(identity.device)
      expect(config.read16(0x2c)).toBe(identity.subsystemVendor)
      expect(config.read16(0x2e)).toBe(identity.subsystem)
      expect(config.read8(0x08)).toBe(identity.revision)
      expect(config.read32(0x08) >>> 8).toBe(identity.classCode)
      expect(identity).toMatchObject(facts.identity)
    },
  },
  {
    name: 'config space reads alike in all widths, and no further than its end',
    async run({ device: { config }, facts }) {
      expect(config.size).toBe(facts.configSize)
      expect(config.read32(0)).toBe(config.read16(0) + config.read16(2) * 2 ** 16)
      expect(config.read16(0)).toBe(config.read8(0) + config.read8(1) * 2 ** 8)
      expect(await failure(() => config.read8(config.size))).toBe('region-outside')
      expect(await failure(() => config.read32(2))).toBe('region-misaligned')
    },
  },
  {
    name: 'a bit written to the command register stays written',
    run({ device: { config } }) {
      const command = config.read16(4)
      config.write16(4, command | 0x4)
      expect(config.read16(4) & 0x4).toBe(0x4)
      config.write16(4, command & ~0x4)
      expect(config.read16(4) & 0x4).toBe(0)
      config.write16(4, command | 0x4)
    },
  },
  {
    name: 'its BARs are those of its documents, at addresses that are multiples of their sizes',
    run({ device, facts }) {
      const bars = device.regions.filter(({ kind }) => kind !== 'rom')
      const shown = bars.map(({ index, kind, size, prefetchable, addressBits, mappable }) => {
        return { index, kind, size, prefetchable, addressBits, mappable }
      })
      expect(shown).toEqual(facts.regions)
      expect(bars.filter(({ start, size }) => start === 0n || start % BigInt(size) !== 0n)).toEqual([])
    },
  },
  {
    name: 'the identification register holds its constant',
    needs: ['constant'],
    run: expectConstant,
  },
  {
    name: 'accesses have exactly the width that was asked for',
    needs: ['edu'],
    run(bench) {
      // The device answers 4 bytes alone below 0x80: 0 to narrower reads, all ones to wider ones (measured).
      const region = bar(bench)
      expect([region.read8(0), region.read16(0), region.read64(0)]).toEqual([0, 0, 2n ** 64n - 1n])
      region.write32(edu.liveness, 0x1234_5678)
      region.write8(edu.liveness, 0xff)
      region.write16(edu.liveness, 0xffff)
      region.write64(0, 0n)
      expect(region.read32(edu.liveness)).toBe(0xedcb_a987)
    },
  },
  {
    name: 'a scratch register gives back what was written, or its inverse where it inverts',
    needs: ['scratch'],
    run(bench) {
      const scratch = known(bench, 'scratch')
      const region = bar(bench, scratch.bar)
      for (const value of [0, 0x1234_5678, 0xffff_ffff, 0x8000_0001]) {
        region.write32(scratch.offset, masked(bench, value))
        expect(region.read32(scratch.offset)).toBe(answer(bench, value))
      }
    },
  },
  {
    name: 'a 64-bit register keeps both halves, and 4 bytes set all of it',
    needs: ['edu'],
    run(bench) {
      const region = bar(bench)
      region.write64(edu.source, 0x8123_4567_89ab_cdefn)
      expect(region.read64(edu.source)).toBe(0x8123_4567_89ab_cdefn)
      expect(region.read32(edu.source)).toBe(0x89ab_cdef)
      region.write32(edu.source, 0xdead_beef)
      expect(region.read64(edu.source)).toBe(0xdead_beefn)
    },
  },
  {
    name: 'it computes factorials',
    needs: ['edu'],
    async run(bench) {
      const region = bar(bench)
      region.write32(edu.factorial, 10)
      await until(bench, 'the factorial is computed', () => (region.read32(edu.status) & 1) === 0)
      expect(region.read32(edu.factorial)).toBe(3_628_800)
    },
  },
  {
    name: 'a register outside a BAR is refused',
    async run(bench) {
      for (const { index, size } of bench.facts.regions) {
        const region = bar(bench, index)
        expect(await failure(() => region.read32(size))).toBe('region-outside')
        expect(await failure(() => region.write64(size, 0n))).toBe('region-outside')
        expect(await failure(() => region.read32(-4))).toBe('region-outside')
      }
    },
  },
  {
    name: 'a register that is no multiple of the width is refused',
    async run(bench) {
      const region = bar(bench)
      expect(await failure(() => region.read32(2))).toBe('region-misaligned')
      expect(await failure(() => region.write64(0x84, 0n))).toBe('region-misaligned')
      expect(await failure(() => region.read16(1))).toBe('region-misaligned')
    },
  },
  {
    name: 'a BAR can be mapped whole, or not at all',
    run({ device, facts }) {
      const areas = device.regions.map(({ index, mappableAreas }) => ({ index, mappableAreas }))
      const expected = facts.regions.map(({ index, mappable, size }) => {
        return { index, mappableAreas: mappable ? [{ offset: 0, length: size }] : [] }
      })
      expect(areas.filter(({ index }) => index < 6)).toEqual(expected)
    },
  },
  {
    name: 'a view of BAR 0 shows the same registers',
    needs: ['edu'],
    run(bench) {
      const region = bar(bench)
      const address = bench.reserve(PAGE_SIZE)
      using view = region.map(0, PAGE_SIZE, address)
      expect([view.address, view.length]).toEqual([address, PAGE_SIZE])
      view.write32(edu.liveness, 0x0f0f_1234)
      expect(region.read32(edu.liveness)).toBe(~0x0f0f_1234 >>> 0)
      region.write32(edu.liveness, 7)
      expect(view.read32(edu.liveness)).toBe(~7 >>> 0)
      view.write64(edu.source, 0x1122_3344_5566_7788n)
      expect(region.read64(edu.source)).toBe(0x1122_3344_5566_7788n)
    },
  },
  {
    name: 'a view at an offset shows what is there',
    needs: ['edu'],
    run(bench) {
      // Nothing but the first page has registers: everywhere else 4 bytes read as all ones (measured).
      using view = bar(bench).map(PAGE_SIZE, 2 * PAGE_SIZE, bench.reserve(2 * PAGE_SIZE))
      expect(view.read32(edu.identification)).toBe(0xffff_ffff)
    },
  },
  {
    name: 'a view of the page of a scratch register shows that register',
    needs: ['scratch'],
    run(bench) {
      const scratch = known(bench, 'scratch')
      const region = bar(bench, scratch.bar)
      const inPage = scratch.offset % PAGE_SIZE
      using view = region.map(scratch.offset - inPage, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      view.write32(inPage, masked(bench, 0x0f0f_1234))
      expect(region.read32(scratch.offset)).toBe(answer(bench, 0x0f0f_1234))
      region.write32(scratch.offset, masked(bench, 0xf1e2_d3c4))
      expect(view.read32(inPage)).toBe(answer(bench, 0xf1e2_d3c4))
    },
  },
  {
    name: 'an access outside a view is refused',
    async run(bench) {
      using view = bar(bench).map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      expect(await failure(() => view.read32(PAGE_SIZE))).toBe('region-outside')
      expect(await failure(() => view.read32(2))).toBe('region-misaligned')
    },
  },
  {
    name: 'a view outside a BAR or off a page boundary is refused',
    async run(bench) {
      const region = bar(bench)
      const size = bench.facts.regions.find(({ index }) => index === region.index)?.size ?? 0
      const at = bench.reserve(2 * PAGE_SIZE)
      expect(await failure(() => region.map(size, PAGE_SIZE, at))).toBe('region-outside')
      expect(await failure(() => region.map(size - PAGE_SIZE, 2 * PAGE_SIZE, at))).toBe('region-outside')
      expect(await failure(() => region.map(0, 0, at))).toBe('region-outside')
      expect(await failure(() => region.map(0x80, PAGE_SIZE, at))).toBe('region-misaligned')
      expect(await failure(() => region.map(0, 0x80, at))).toBe('region-misaligned')
    },
  },
  {
    name: 'a view is dead once closed, and closing it twice is harmless',
    async run(bench) {
      const view = bar(bench).map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      view.close()
      view.close()
      expect(await failure(() => view.read32(0))).toBe('closed')
      expect(await failure(() => view.write32(4, 0))).toBe('closed')
    },
  },
  {
    name: 'registers are gone while memory decode is off',
    async run(bench) {
      const { config, regions } = bench.device
      const places = regions.filter(({ kind }) => kind === 'memory')
      const command = config.read16(4)
      config.write16(4, command & ~0x2)
      const gone = await Promise.all(
        places.map(async (region) => [region.index, await failure(() => region.read32(0))]),
      )
      config.write16(4, command)
      expect(gone).toEqual(places.map(({ index }) => [index, 'decoding-off']))
      if (bench.facts.constant !== undefined) expectConstant(bench)
    },
  },
  {
    name: 'a reset leaves a device that answers, with the registers that its documents say it keeps',
    run(bench) {
      const { scratch } = bench.facts
      if (scratch !== undefined) bar(bench, scratch.bar).write32(scratch.offset, masked(bench, 0x5a5a_0001))
      bench.device.reset()
      expect(bench.device.config.read16(0)).toBe(bench.facts.identity.vendor)
      expect(bench.device.config.read16(4) & 0x2).toBe(0x2)
      if (bench.facts.constant !== undefined) expectConstant(bench)
      if (scratch === undefined) return
      expect(bar(bench, scratch.bar).read32(scratch.offset)).toBe(scratch.afterReset ?? answer(bench, 0x5a5a_0001))
    },
  },
]

function expectConstant(bench: Bench): void {
  const { bar: index, offset, value } = known(bench, 'constant')
  expect(bar(bench, index).read32(offset)).toBe(value)
}

/** Of a value, what the scratch register may be given. */
const masked = (bench: Bench, value: number): number => (value & known(bench, 'scratch').mask) >>> 0

/** What the scratch register then reads. */
function answer(bench: Bench, value: number): number {
  const kept = masked(bench, value)
  return known(bench, 'scratch').inverts === true ? ~kept >>> 0 : kept
}
