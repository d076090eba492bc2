import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ProbarError } from '../../src/base/errors.ts'
import { type Area, type MemorySurface, Protection } from '../../src/native/surface.ts'
import { codeThrownBy } from './providers.ts'
import { openMemoryFiles } from './process.ts'

const PAGE = 4096
const { none, read, readWrite } = Protection

interface Fixture extends Disposable {
  readonly memory: Area
  readonly space: Area
  /** A view of the frames, `at` pages into the space. */
  view(frames: readonly number[], at: number, protection?: Protection): Area
}

/** 16 frames and 32 pages of reserved space. */
function open(surface: MemorySurface): Fixture {
  const memory = surface.createMemory(16 * PAGE)
  const space = surface.reserve(32 * PAGE)
  return {
    memory,
    space,
    view: (frames, at, protection = readWrite) =>
      surface.mapFrames(surface.address(space) + at * PAGE, memory, Uint32Array.from(frames), protection),
    [Symbol.dispose]() {
      for (const area of [space, memory]) if (codeThrownBy(() => surface.size(area)) !== 'closed') surface.release(area)
    },
  }
}

const pattern = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + salt + (index >> 8)) & 0xff)

/** What every provider of memory must do. */
export function describeMemory(surface: MemorySurface): void {
  describe('frames', () => {
    it('are zero at first', () => {
      using fixture = open(surface)
      expect(surface.compare(fixture.memory, 0, new Uint8Array(16 * PAGE))).toBe(-1)
    })

    it('show a store of one view in another', () => {
      using fixture = open(surface)
      const first = fixture.view([5], 1)
      const second = fixture.view([4, 5], 3)
      surface.write(first, 100, pattern(50, 3))
      expect(surface.read(second, PAGE + 100, 50)).toEqual(pattern(50, 3))
      expect(surface.read(fixture.memory, 5 * PAGE + 100, 50)).toEqual(pattern(50, 3))
    })

    it('are contiguous in a view, in the order of the list', () => {
      using fixture = open(surface)
      const frames = [9, 2, 3, 4, 15, 0, 8, 7]
      for (let frame = 0; frame < 16; frame++) surface.write(fixture.memory, frame * PAGE, pattern(PAGE, frame * 11))
      const view = fixture.view(frames, 2)
      expect(surface.size(view)).toBe(frames.length * PAGE)
      for (const [index, frame] of frames.entries()) {
        expect(surface.compare(view, index * PAGE, pattern(PAGE, frame * 11))).toBe(-1)
      }
    })

    it('may appear twice in one view', () => {
      using fixture = open(surface)
      const view = fixture.view([6, 6], 1)
      surface.store32(view, 8, 0x1234_5678)
      expect(surface.load32(view, PAGE + 8)).toBe(0x1234_5678)
    })

    it('match the list for any list', () => {
      using fixture = open(surface)
      for (let frame = 0; frame < 16; frame++) surface.store32(fixture.memory, frame * PAGE, frame)
      const lists = fc.array(fc.nat(15), { minLength: 1, maxLength: 30 })
      fc.assert(
        fc.property(lists, (frames) => {
          const view = fixture.view(frames, 1)
          const found = frames.map((_, index) => surface.load32(view, index * PAGE))
          surface.release(view)
          expect(found).toEqual(frames)
        }),
        { numRuns: 30 },
      )
    })

    it('outlive a release of their memory as long as a view shows them', () => {
      using fixture = open(surface)
      const view = fixture.view([1], 1)
      surface.store8(fixture.memory, PAGE, 77)
      surface.release(fixture.memory)
      expect(surface.load8(view, 0)).toBe(77)
    })
  })

  describe('reserved space', () => {
    it('refuses every access as an exception', () => {
      using fixture = open(surface)
      const attempts = [
        () => surface.load32(fixture.space, 0),
        () => surface.store64(fixture.space, PAGE, 1n),
        () => surface.read(fixture.space, 3 * PAGE, 64),
        () => surface.write(fixture.space, 0, pattern(64, 0)),
        () => surface.fill(fixture.space, 0, PAGE, 1),
        () => surface.compare(fixture.space, 0, pattern(64, 0)),
        () => surface.copy(fixture.space, 0, fixture.memory, 0, 64),
        () => surface.copy(fixture.memory, 0, fixture.space, 0, 64),
      ]
      expect(attempts.map(codeThrownBy)).toEqual(attempts.map(() => 'access-violation'))
    })

    it('guards the end of a view', () => {
      using fixture = open(surface)
      fixture.view([1, 2], 4)
      expect(surface.read(fixture.space, 4 * PAGE, 2 * PAGE)).toEqual(new Uint8Array(2 * PAGE))
      expect(codeThrownBy(() => surface.read(fixture.space, 4 * PAGE, 2 * PAGE + 1))).toBe('access-violation')
      expect(codeThrownBy(() => surface.read(fixture.space, 4 * PAGE - 1, 8))).toBe('access-violation')
    })

    it('names the address that faulted', () => {
      using fixture = open(surface)
      const address = surface.address(fixture.space) + 5 * PAGE
      expect(() => surface.load8(fixture.space, 5 * PAGE)).toThrow(`0x${address.toString(16)}`)
    })

    it('comes back where a view was released', () => {
      using fixture = open(surface)
      const view = fixture.view([1, 3], 4)
      surface.release(view)
      expect(codeThrownBy(() => surface.load8(fixture.space, 4 * PAGE))).toBe('access-violation')
      expect(codeThrownBy(() => surface.load8(fixture.space, 5 * PAGE))).toBe('access-violation')
      expect(surface.load8(fixture.view([3], 5), 0)).toBe(0)
    })

    it('takes its views with it', () => {
      using fixture = open(surface)
      const view = fixture.view([1], 1)
      surface.release(fixture.space)
      expect(codeThrownBy(() => surface.load8(view, 0))).toBe('closed')
    })

    it('cannot be opened by a protection', () => {
      using fixture = open(surface)
      expect(codeThrownBy(() => surface.protect(fixture.space, readWrite))).toBe('internal')
    })
  })

  describe('mapFrames', () => {
    it('refuses a place outside of a reservation', () => {
      using fixture = open(surface)
      const start = surface.address(fixture.space)
      const frames = Uint32Array.of(0, 1)
      const home = surface.address(fixture.memory)
      for (const address of [start - PAGE, start + 31 * PAGE, start + 32 * PAGE, start + 8, home, 0, 2 ** 47]) {
        expect(codeThrownBy(() => surface.mapFrames(address, fixture.memory, frames, readWrite))).toBe('range-outside')
      }
      expect(surface.load8(fixture.memory, 0)).toBe(0)
    })

    it('maps at the first and at the last page of a reservation', () => {
      using fixture = open(surface)
      expect(surface.load8(fixture.view([1], 0), 0)).toBe(0)
      expect(surface.load8(fixture.view([1], 31), 0)).toBe(0)
    })

    it.each([[2], [3], [4], [5]])('refuses to overlap a live view, from page %d', (at) => {
      using fixture = open(surface)
      surface.write(fixture.memory, 7 * PAGE, pattern(8, 1))
      const live = fixture.view([7, 8, 9], 3)
      expect(codeThrownBy(() => fixture.view([0, 1], at))).toBe('range-outside')
      expect(surface.read(live, 0, 8)).toEqual(pattern(8, 1))
    })

    it('maps beside a live view', () => {
      using fixture = open(surface)
      fixture.view([7, 8], 3)
      expect(surface.load8(fixture.view([0], 2), 0)).toBe(0)
      expect(surface.load8(fixture.view([0], 5), 0)).toBe(0)
    })

    it('refuses a frame outside of the memory and leaves nothing mapped', () => {
      using fixture = open(surface)
      expect(codeThrownBy(() => fixture.view([0, 16], 1))).toBe('range-outside')
      expect(codeThrownBy(() => fixture.view([0xffff_ffff], 1))).toBe('range-outside')
      expect(codeThrownBy(() => surface.load8(fixture.space, PAGE))).toBe('access-violation')
    })

    it('refuses an empty list', () => {
      using fixture = open(surface)
      expect(codeThrownBy(() => fixture.view([], 1))).toBe('range-outside')
    })

    it('refuses what is no memory', () => {
      using fixture = open(surface)
      const view = fixture.view([1], 1)
      const place = surface.address(fixture.space) + 8 * PAGE
      expect(codeThrownBy(() => surface.mapFrames(place, view, Uint32Array.of(0), readWrite))).toBe('internal')
    })
  })

  describe('protection', () => {
    it('of a read-only view lets reads through and refuses stores', () => {
      using fixture = open(surface)
      surface.write(fixture.memory, 2 * PAGE, pattern(16, 5))
      const view = fixture.view([2], 1, read)
      expect(surface.read(view, 0, 16)).toEqual(pattern(16, 5))
      const stores = [
        () => surface.store8(view, 0, 1),
        () => surface.store64(view, 8, 1n),
        () => surface.write(view, 0, pattern(4, 0)),
        () => surface.fill(view, 0, PAGE, 0),
        () => surface.copy(view, 0, fixture.memory, 0, 8),
      ]
      expect(stores.map(codeThrownBy)).toEqual(stores.map(() => 'access-violation'))
      expect(surface.read(fixture.memory, 2 * PAGE, 16)).toEqual(pattern(16, 5))
    })

    it('can be taken away and given back', () => {
      using fixture = open(surface)
      const view = fixture.view([2], 1)
      surface.store32(view, 0, 42)
      surface.protect(view, none)
      expect(codeThrownBy(() => surface.load32(view, 0))).toBe('access-violation')
      surface.protect(view, read)
      expect(surface.load32(view, 0)).toBe(42)
      expect(codeThrownBy(() => surface.store32(view, 0, 1))).toBe('access-violation')
      surface.protect(view, readWrite)
      surface.store32(view, 0, 43)
      expect(surface.load32(fixture.memory, 2 * PAGE)).toBe(43)
    })

    it('refuses a number that is none', () => {
      using fixture = open(surface)
      const view = fixture.view([2], 1)
      for (const protection of [2, 4, -1, 0.5, NaN]) {
        expect(codeThrownBy(() => surface.protect(view, protection as Protection))).toBe('range-outside')
      }
    })
  })

  describe('release', () => {
    it.each(['memory', 'space', 'view'] as const)('of a %s ends every use of it', (kind) => {
      using fixture = open(surface)
      const view = fixture.view([1], 1)
      const area = { memory: fixture.memory, space: fixture.space, view }[kind]
      surface.release(area)
      const uses = [
        () => surface.release(area),
        () => surface.address(area),
        () => surface.size(area),
        () => surface.protect(area, readWrite),
        () => surface.bytes(area),
        () => surface.read(area, 0, 1),
        () => surface.read(area, 0, 0),
        () => surface.write(area, 0, pattern(1, 0)),
        () => surface.fill(area, 0, 1, 0),
        () => surface.compare(area, 0, pattern(1, 0)),
        () => surface.load8(area, 0),
        () => surface.load64(area, 0),
        () => surface.store16(area, 0, 0),
      ]
      expect(uses.map(codeThrownBy)).toEqual(uses.map(() => 'closed'))
    })

    it('never lets a number name something else later', () => {
      using fixture = open(surface)
      const released = fixture.view([1], 1)
      surface.release(released)
      const next = fixture.view([2], 1)
      expect(next).not.toBe(released)
      expect(codeThrownBy(() => surface.load8(released, 0))).toBe('closed')
    })

    it('of numbers that name nothing throws closed', () => {
      for (const area of [0, -1, 1.5, 2 ** 32 + 1, 1_000_000, NaN, Infinity]) {
        expect(codeThrownBy(() => surface.release(area))).toBe('closed')
      }
    })
  })

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
