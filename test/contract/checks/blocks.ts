import { expect } from '@jest/globals'
import { PAGE_SIZE } from '../../../src/base/pages.ts'
import { bar, type Check, edu, failure } from '../bench.ts'

const MIB = 0x10_0000
const IDENTIFICATION = 0x0100_00ed

/** Many accesses in one call, and 8 bytes by halves. */
export const blockChecks: readonly Check[] = [
  {
    name: 'a block reads one register after the other, each access as wide as an element',
    needs: ['edu'],
    run(bench) {
      const region = bar(bench)
      region.write32(edu.liveness, 0x1234_5678)
      region.write64(edu.source, 0x8123_4567_89ab_cdefn)
      region.write64(edu.destination, 0x1122_3344_5566_7788n)
      const [bytes, shorts] = [new Uint8Array(4).fill(7), new Uint16Array(2).fill(7)]
      const [words, longs] = [new Uint32Array(2), new BigUint64Array(2)]
      region.readBlock(0, bytes)
      region.readBlock(0, shorts)
      region.readBlock(0, words)
      region.readBlock(edu.source, longs)
      // The device answers narrow reads with 0 (measured).
      expect([...bytes, ...shorts]).toEqual([0, 0, 0, 0, 0, 0])
      expect([...words]).toEqual([IDENTIFICATION, ~0x1234_5678 >>> 0])
      expect([...longs]).toEqual([0x8123_4567_89ab_cdefn, 0x1122_3344_5566_7788n])
    },
  },
  {
    name: 'a block writes one register after the other',
    needs: ['edu'],
    run(bench) {
      const region = bar(bench)
      region.writeBlock(edu.source, BigUint64Array.of(1n, 0x8000_0000_0000_0002n, 3n))
      const seen = [edu.source, edu.destination, edu.count].map((offset) => region.read64(offset))
      expect(seen).toEqual([1n, 0x8000_0000_0000_0002n, 3n])
    },
  },
  {
    name: 'a block at a fixed place reads the same register each time',
    needs: ['edu'],
    run(bench) {
      const words = new Uint32Array(3)
      bar(bench).write32(edu.liveness, 0)
      bar(bench).readBlock(edu.identification, words, 'fixed')
      expect([...words]).toEqual([IDENTIFICATION, IDENTIFICATION, IDENTIFICATION])
    },
  },
  {
    name: 'a block at a fixed place writes every element to the same register',
    needs: ['edu'],
    run(bench) {
      // Raised values add up in the status, and acknowledged ones leave it: none may be lost or twice.
      const region = bar(bench)
      region.writeBlock(edu.interruptAcknowledge, Uint32Array.of(region.read32(edu.interruptStatus)), 'fixed')
      region.writeBlock(edu.interruptRaise, Uint32Array.of(1, 2, 4, 8), 'fixed')
      expect(region.read32(edu.interruptStatus)).toBe(15)
      region.writeBlock(edu.interruptAcknowledge, Uint32Array.of(1, 4), 'fixed')
      expect(region.read32(edu.interruptStatus)).toBe(10)
      region.write32(edu.interruptAcknowledge, 10)
    },
  },
  {
    name: 'a block is refused as a whole when part of it is outside or it is off its width',
    needs: ['edu'],
    async run(bench) {
      const region = bar(bench)
      const words = new Uint32Array(2).fill(7)
      expect(await failure(() => region.readBlock(MIB - 4, words))).toBe('region-outside')
      expect(await failure(() => region.writeBlock(MIB - 4, words))).toBe('region-outside')
      expect(await failure(() => region.readBlock(2, words))).toBe('region-misaligned')
      expect(await failure(() => region.writeBlock(4, new BigUint64Array(1)))).toBe('region-misaligned')
      expect([...words]).toEqual([7, 7])
      region.readBlock(MIB - 4, words, 'fixed')
      expect([...words]).toEqual([0xffff_ffff, 0xffff_ffff])
    },
  },
  {
    name: 'a block of a view counts from the view, and ends with it',
    needs: ['edu'],
    async run(bench) {
      using view = bar(bench).map(0, PAGE_SIZE, bench.reserve(PAGE_SIZE))
      const words = new Uint32Array(1)
      view.writeBlock(edu.liveness, Uint32Array.of(0xf0f0_0001))
      view.readBlock(edu.liveness, words)
      expect([...words]).toEqual([~0xf0f0_0001 >>> 0])
      expect(await failure(() => view.readBlock(PAGE_SIZE - 4, new Uint32Array(2)))).toBe('region-outside')
      view.close()
      expect(await failure(() => view.readBlock(0, words))).toBe('closed')
      expect(await failure(() => view.writeBlock(edu.liveness, words))).toBe('closed')
    },
  },
  {
    name: 'a block is refused while memory decode is off',
    needs: ['edu'],
    async run(bench) {
      const { config } = bench.device
      const command = config.read16(4)
      config.write16(4, command & ~0x2)
      const read = await failure(() => bar(bench).readBlock(0, new Uint32Array(4)))
      const written = await failure(() => bar(bench).writeBlock(edu.liveness, new Uint32Array(1)))
      config.write16(4, command)
      expect([read, written]).toEqual(['decoding-off', 'decoding-off'])
      expect(bar(bench).read32(edu.identification)).toBe(IDENTIFICATION)
    },
  },
  {
    name: '8 bytes by halves are two accesses of 4 bytes',
    needs: ['edu'],
    async run(bench) {
      // Only the low half of a register of 8 bytes can be reached by 4: the high one reads as all ones (measured).
      const region = bar(bench)
      expect(region.access64).toBe('whole')
      for (const order of ['low-first', 'high-first'] as const) {
        region.write64(edu.source, 0x8123_4567_89ab_cdefn)
        expect(region.read64(edu.source, order)).toBe(0xffff_ffff_89ab_cdefn)
        region.write64(edu.source, 0x1111_1111_2222_2222n, order)
        expect(region.read64(edu.source)).toBe(0x2222_2222n)
      }
      expect(await failure(() => region.read64(0x84, 'low-first'))).toBe('region-misaligned')
    },
  },
]
