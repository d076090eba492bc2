import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { bar, type Check, edu, failure, until } from '../bench.ts'

const MIB = 0x10_0000

export const registerChecks: readonly Check[] = [
  {
    name: 'its identity is what config space says',
    run({ device: { identity, config, address } }) {
      expect(address).toMatch(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/)
      expect(config.read16(0x00)).toBe(identity.vendor)
      expect(config.read16(0x02)).toBe(identity.device)
      expect(config.read16(0x2c)).toBe(identity.subsystemVendor)
      expect(config.read16(0x2e)).toBe(identity.subsystem)
      expect(config.read8(0x08)).toBe(identity.revision)
      expect(config.read32(0x08) >>> 8).toBe(identity.classCode)
      expect(identity).toMatchObject({ vendor: 0x1234, device: 0x11e8, revision: 0x10, classCode: 0x00ff00 })
    },
  },
  {
    name: 'config space reads alike in all widths, and no further than its end',
    async run({ device: { config } }) {
      expect([256, 4096]).toContain(config.size)
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
    name: 'BAR 0 is memory of 1 MiB at a page boundary, as its register says',
    run(bench) {
      const region = bar(bench)
      expect(region).toMatchObject({ kind: 'memory', size: MIB, prefetchable: false, addressBits: 32, mappable: true })
      expect(region.start % BigInt(PAGE_SIZE)).toBe(0n)
    },
  },
  {
    name: 'the identification register holds its constant',
    run(bench) {
      expect(bar(bench).read32(edu.identification)).toBe(0x0100_00ed)
    },
  },
  {
    name: 'accesses have exactly the width that was asked for',
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
    name: 'the liveness register inverts',
    run(bench) {
      const region = bar(bench)
      for (const value of [0, 0x1234_5678, 0xffff_ffff, 0x8000_0001]) {
        region.write32(edu.liveness, value)
        expect(region.read32(edu.liveness)).toBe(~value >>> 0)
      }
    },
  },
  {
    name: 'a 64-bit register keeps both halves, and 4 bytes set all of it',
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
    async run(bench) {
      const region = bar(bench)
      region.write32(edu.factorial, 10)
      await until(bench, 'the factorial is computed', () => (region.read32(edu.status) & 1) === 0)
      expect(region.read32(edu.factorial)).toBe(3_628_800)
    },
  },
  {
    name: 'a register outside BAR 0 is refused',
    async run(bench) {
      const region = bar(bench)
      expect(await failure(() => region.read32(MIB))).toBe('region-outside')
      expect(await failure(() => region.write64(MIB, 0n))).toBe('region-outside')
      expect(await failure(() => region.read32(-4))).toBe('region-outside')
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
    name: 'a view of BAR 0 shows the same registers',
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
    run(bench) {
      // Nothing but the first page has registers: everywhere else 4 bytes read as all ones (measured).
      using view = bar(bench).map(PAGE_SIZE, 2 * PAGE_SIZE, bench.reserve(2 * PAGE_SIZE))
      expect(view.read32(edu.identification)).toBe(0xffff_ffff)
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
    name: 'a view outside BAR 0 or off a page boundary is refused',
    async run(bench) {
      const region = bar(bench)
      const at = bench.reserve(2 * PAGE_SIZE)
      expect(await failure(() => region.map(MIB, PAGE_SIZE, at))).toBe('region-outside')
      expect(await failure(() => region.map(MIB - PAGE_SIZE, 2 * PAGE_SIZE, at))).toBe('region-outside')
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
      expect(await failure(() => view.write32(edu.liveness, 0))).toBe('closed')
    },
  },
  {
    name: 'registers are gone while memory decode is off',
    async run(bench) {
      const { config } = bench.device
      const command = config.read16(4)
      config.write16(4, command & ~0x2)
      const code = await failure(() => bar(bench).read32(edu.identification))
      config.write16(4, command)
      expect(code).toBe('device-gone')
      expect(bar(bench).read32(edu.identification)).toBe(0x0100_00ed)
    },
  },
  {
    name: 'a reset leaves a device that answers, with the registers it had',
    run(bench) {
      bar(bench).write32(edu.liveness, 0x5a5a_0001)
      bench.device.reset()
      expect(bar(bench).read32(edu.identification)).toBe(0x0100_00ed)
      expect(bar(bench).read32(edu.liveness)).toBe(~0x5a5a_0001 >>> 0)
    },
  },
]
