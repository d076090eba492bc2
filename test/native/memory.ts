import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type MemorySurface, Protection } from '../../src/native/surface.ts'
import { PAGE, open, pattern } from './fixture.ts'
import { codeThrownBy } from './providers.ts'

const { none, read, readWrite } = Protection

/** Frames, views and reserved space: what every provider of memory must do. */
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
}
