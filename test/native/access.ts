import { describe, expect, it } from '@jest/globals'
import { ProbarError } from '../../src/base/errors.ts'
import type { MemorySurface } from '../../src/native/surface.ts'
import { PAGE, open, pattern } from './fixture.ts'
import { openMemoryFiles } from './process.ts'
import { codeThrownBy } from './providers.ts'

/** Reads, writes and words: what every provider of memory must do. */
export function describeAccess(surface: MemorySurface): void {
  describe('bounds', () => {
    const outside: readonly (readonly [offset: number, length: number])[] = [
      [16 * PAGE, 1],
      [16 * PAGE - 1, 2],
      [0, 16 * PAGE + 1],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, 1.5],
      [NaN, 1],
      [0, NaN],
      [Infinity, 1],
      [0, Infinity],
      [2 ** 53 - 1, 2 ** 53 - 1],
      [2 ** 53, 1],
      [1, 2 ** 64 - 1],
      [2 ** 64 - 8, 16],
      [8, Number.MAX_SAFE_INTEGER],
    ]

    it.each(outside)('refuse offset %d with length %d', (offset, length) => {
      using fixture = open(surface)
      const { memory } = fixture
      const attempts = [
        () => surface.read(memory, offset, length),
        () => surface.fill(memory, offset, length, 1),
        () => surface.copy(memory, 0, memory, offset, length),
        () => surface.copy(memory, offset, memory, 0, length),
      ]
      expect(attempts.map(codeThrownBy)).toEqual(attempts.map(() => 'range-outside'))
    })

    it.each([16 * PAGE, 16 * PAGE + 8, -8, NaN, 2 ** 53, 2 ** 63, -(2 ** 63), 2 ** 64 - 8])(
      'refuse a word at offset %d',
      (offset) => {
        using fixture = open(surface)
        const attempts = [
          () => surface.load8(fixture.memory, offset),
          () => surface.load64(fixture.memory, offset),
          () => surface.store32(fixture.memory, offset, 0),
          () => surface.write(fixture.memory, offset, pattern(1, 0)),
          () => surface.compare(fixture.memory, offset, pattern(1, 0)),
        ]
        expect(attempts.map(codeThrownBy)).toEqual(attempts.map(() => 'range-outside'))
      },
    )

    it('let the last bytes through', () => {
      using fixture = open(surface)
      surface.store64(fixture.memory, 16 * PAGE - 8, 0x0102_0304_0506_0708n)
      expect(surface.read(fixture.memory, 16 * PAGE - 8, 8)).toEqual(Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1))
      expect(surface.read(fixture.memory, 16 * PAGE, 0)).toEqual(new Uint8Array(0))
    })

    it.each([0, 1, PAGE - 1, PAGE + 1, -PAGE, NaN, 2 ** 60, Infinity])('refuse a size of %d bytes', (bytes) => {
      expect(codeThrownBy(() => surface.createMemory(bytes))).toBe('range-outside')
      expect(codeThrownBy(() => surface.reserve(bytes))).toBe('range-outside')
    })

    it('leave nothing open when there is not that much address space', () => {
      const before = openMemoryFiles()
      expect(codeThrownBy(() => surface.createMemory(2 ** 47))).toBe('out-of-memory')
      expect(codeThrownBy(() => surface.reserve(2 ** 47))).toBe('out-of-memory')
      expect(openMemoryFiles()).toBe(before)
    })

    it('end in an error, not in the end of the process, for more than JavaScript can hold', () => {
      const space = surface.reserve(2 ** 40)
      expect(['out-of-memory', 'access-violation']).toContain(codeThrownBy(() => surface.read(space, 0, 2 ** 40)))
      surface.release(space)
    })
  })

  describe('blocks', () => {
    it('are filled exactly', () => {
      using fixture = open(surface)
      surface.fill(fixture.memory, 10, 20, 0xab)
      const expected = new Uint8Array(40).fill(0xab, 10, 30)
      expect(surface.read(fixture.memory, 0, 40)).toEqual(expected)
    })

    it('are filled page by page, in any order, and nothing beside them', () => {
      using fixture = open(surface)
      surface.fillPages(fixture.memory, Uint32Array.of(7, 2, 3, 2), 0xab)
      for (let page = 0; page < 16; page++) {
        const byte = [2, 3, 7].includes(page) ? 0xab : 0
        expect(surface.compare(fixture.memory, page * PAGE, new Uint8Array(PAGE).fill(byte))).toBe(-1)
      }
    })

    it('are not filled beyond the last page, nor with what is no byte', () => {
      using fixture = open(surface)
      expect(codeThrownBy(() => surface.fillPages(fixture.memory, Uint32Array.of(15, 16), 1))).toBe('range-outside')
      expect(codeThrownBy(() => surface.fillPages(fixture.memory, Uint32Array.of(0), 256))).toBe('range-outside')
      expect(codeThrownBy(() => surface.fillPages(fixture.space, Uint32Array.of(0), 1))).toBe('access-violation')
    })

    it.each([-1, 256, 0.5, NaN])('are not filled with %d, which is no byte', (byte) => {
      using fixture = open(surface)
      expect(codeThrownBy(() => surface.fill(fixture.memory, 0, 4, byte))).toBe('range-outside')
    })

    it('read as a copy, which later stores do not change', () => {
      using fixture = open(surface)
      const before = surface.read(fixture.memory, 0, 8)
      surface.fill(fixture.memory, 0, 8, 9)
      expect(before).toEqual(new Uint8Array(8))
    })

    it('are written from part of a larger buffer', () => {
      using fixture = open(surface)
      surface.write(fixture.memory, 4, pattern(64, 9).subarray(16, 24))
      expect(surface.read(fixture.memory, 4, 8)).toEqual(pattern(64, 9).slice(16, 24))
    })

    it('compare to the index of the first difference', () => {
      using fixture = open(surface)
      const length = 3 * PAGE + 5
      const expected = pattern(length, 1)
      surface.write(fixture.memory, 7, expected)
      expect(surface.compare(fixture.memory, 7, expected)).toBe(-1)
      for (const index of [length - 1, 2 * PAGE, PAGE - 1, 1, 0]) {
        surface.store8(fixture.memory, 7 + index, (expected[index] ?? 0) ^ 0x80)
        expect(surface.compare(fixture.memory, 7, expected)).toBe(index)
      }
    })

    it.each([
      [0, 100],
      [100, 0],
    ])('copy correctly when they overlap, from %d to %d', (from, to) => {
      using fixture = open(surface)
      surface.write(fixture.memory, from, pattern(3000, 2))
      surface.copy(fixture.memory, to, fixture.memory, from, 3000)
      expect(surface.read(fixture.memory, to, 3000)).toEqual(pattern(3000, 2))
    })

    it('copy between areas', () => {
      using fixture = open(surface)
      const view = fixture.view([3, 1], 2)
      surface.write(fixture.memory, 8 * PAGE, pattern(2 * PAGE, 4))
      surface.copy(view, 0, fixture.memory, 8 * PAGE, 2 * PAGE)
      expect(surface.read(fixture.memory, 3 * PAGE, PAGE)).toEqual(pattern(2 * PAGE, 4).slice(0, PAGE))
      expect(surface.read(fixture.memory, PAGE, PAGE)).toEqual(pattern(2 * PAGE, 4).slice(PAGE))
    })

    it('refuse a detached array, which would pass for an empty one', () => {
      using fixture = open(surface)
      const gone = new Uint8Array(new ArrayBuffer(16))
      structuredClone(gone, { transfer: [gone.buffer] })
      expect(gone.length).toBe(0)
      expect(codeThrownBy(() => surface.compare(fixture.memory, 0, gone))).toBe('closed')
      expect(codeThrownBy(() => surface.write(fixture.memory, 0, gone))).toBe('closed')
      expect(surface.compare(fixture.memory, 0, new Uint8Array(0))).toBe(-1)
    })
  })

  describe('words', () => {
    it('round trip at each width, little endian, and touch nothing beside them', () => {
      using fixture = open(surface)
      const { memory } = fixture
      surface.fill(memory, 0, 32, 0xee)
      surface.store8(memory, 1, 0xfe)
      surface.store16(memory, 4, 0xfedc)
      surface.store32(memory, 8, 0xfedc_ba98)
      surface.store64(memory, 16, 0xfedc_ba98_7654_3210n)
      expect(surface.load8(memory, 1)).toBe(0xfe)
      expect(surface.load16(memory, 4)).toBe(0xfedc)
      expect(surface.load32(memory, 8)).toBe(0xfedc_ba98)
      expect(surface.load64(memory, 16)).toBe(0xfedc_ba98_7654_3210n)
      const expected = new Uint8Array(32).fill(0xee)
      expected.set([0xfe], 1)
      expected.set([0xdc, 0xfe], 4)
      expected.set([0x98, 0xba, 0xdc, 0xfe], 8)
      expected.set([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe], 16)
      expect(surface.read(memory, 0, 32)).toEqual(expected)
    })

    it('are refused when misaligned', () => {
      using fixture = open(surface)
      const { memory } = fixture
      const attempts = [
        () => surface.load16(memory, 1),
        () => surface.load32(memory, 2),
        () => surface.load64(memory, 4),
        () => surface.store16(memory, 3, 0),
        () => surface.store32(memory, 6, 0),
        () => surface.store64(memory, 12, 0n),
      ]
      expect(attempts.map(codeThrownBy)).toEqual(attempts.map(() => 'region-misaligned'))
    })

    it('are refused when the value does not fit', () => {
      using fixture = open(surface)
      const { memory } = fixture
      const attempts = [
        () => surface.store8(memory, 0, 0x100),
        () => surface.store16(memory, 0, 0x1_0000),
        () => surface.store32(memory, 0, 0x1_0000_0000),
        () => surface.store32(memory, 0, -1),
        () => surface.store32(memory, 0, 1.5),
        () => surface.store64(memory, 0, 1n << 64n),
        () => surface.store64(memory, 0, -1n),
      ]
      expect(attempts.map(codeThrownBy)).toEqual(attempts.map(() => 'range-outside'))
      expect(surface.load64(memory, 0)).toBe(0n)
    })
  })

  it('gives the home view as JavaScript memory', () => {
    using fixture = open(surface)
    const words = new BigUint64Array(surface.bytes(fixture.memory))
    words[2] = 0x1122n
    expect(surface.load64(fixture.memory, 16)).toBe(0x1122n)
    surface.store64(fixture.memory, 16, 5n)
    expect(words[2]).toBe(5n)
    expect(surface.bytes(fixture.memory)).toBe(words.buffer)
  })

  it('throws errors of Probar for arguments of the wrong type', () => {
    using fixture = open(surface)
    const loose = surface as unknown as Record<string, (...values: readonly unknown[]) => unknown>
    const attempts = [
      ['createMemory', '4096'],
      ['reserve'],
      ['load32', fixture.memory, '0'],
      ['load32'],
      ['store64', fixture.memory, 0, 1],
      ['write', fixture.memory, 0, [1, 2]],
      ['compare', fixture.memory, 0, new Uint16Array(1)],
      ['mapFrames', surface.address(fixture.space), fixture.memory, [0], 3],
    ] as const
    for (const [name, ...values] of attempts) {
      expect(() => loose[name]?.call(surface, ...values)).toThrow(ProbarError)
      expect(codeThrownBy(() => loose[name]?.call(surface, ...values))).toBe('internal')
    }
  })
}
