import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { codeOf } from '../../../src/base/errors.ts'
import { RangeAllocator } from '../../../src/memory/range-allocator.ts'

/** One flag a number: what the allocator must agree with. */
interface Model {
  readonly start: number
  readonly taken: boolean[]
  readonly owned: Map<number, number>
}

interface Real {
  readonly ranges: RangeAllocator
}

const SPAN = 48

function isFree({ start, taken }: Model, from: number, size: number): boolean {
  return from >= start && from + size <= start + SPAN && !taken.slice(from - start, from - start + size).includes(true)
}

function mark(model: Model, from: number, size: number, owned: boolean): void {
  model.taken.fill(owned, from - model.start, from - model.start + size)
}

class Allocate implements fc.Command<Model, Real> {
  readonly size: number
  readonly alignment: number

  constructor(size: number, alignment: number) {
    this.size = size
    this.alignment = alignment
  }

  check = (): boolean => true

  run(model: Model, { ranges }: Real): void {
    const at = ranges.allocate(this.size, this.alignment)
    const places = Array.from({ length: SPAN }, (_, i) => model.start + i)
    const possible = places.filter((place) => place % this.alignment === 0 && isFree(model, place, this.size))
    if (at === undefined) return expect(possible).toEqual([])
    expect(possible).toContain(at)
    mark(model, at, this.size, true)
    model.owned.set(at, this.size)
  }

  toString = (): string => `allocate(${this.size}, ${this.alignment})`
}

class Claim implements fc.Command<Model, Real> {
  readonly offset: number
  readonly size: number

  constructor(offset: number, size: number) {
    this.offset = offset
    this.size = size
  }

  check = (): boolean => true

  run(model: Model, { ranges }: Real): void {
    const at = model.start + this.offset
    const free = isFree(model, at, this.size)
    expect(ranges.claim(at, this.size)).toBe(free)
    if (!free) return
    mark(model, at, this.size, true)
    model.owned.set(at, this.size)
  }

  toString = (): string => `claim(+${this.offset}, ${this.size})`
}

class Free implements fc.Command<Model, Real> {
  readonly pick: number

  constructor(pick: number) {
    this.pick = pick
  }

  check = ({ owned }: Readonly<Model>): boolean => owned.size > 0

  run(model: Model, { ranges }: Real): void {
    const [at, size] = [...model.owned][this.pick % model.owned.size] ?? [0, 0]
    expect(ranges.free(at)).toBe(size)
    mark(model, at, size, false)
    model.owned.delete(at)
  }

  toString = (): string => `free(#${this.pick})`
}

const size = fc.integer({ min: 1, max: 12 })
const commands = fc.commands(
  [
    fc.tuple(size, fc.constantFrom(1, 2, 4, 8)).map(([bytes, alignment]) => new Allocate(bytes, alignment)),
    fc.tuple(fc.integer({ min: -4, max: SPAN + 4 }), size).map(([offset, bytes]) => new Claim(offset, bytes)),
    fc.nat().map((pick) => new Free(pick)),
  ],
  { maxCommands: 40 },
)

describe('a range allocator', () => {
  it('agrees with one flag a number, whatever is allocated, claimed and freed', () => {
    fc.assert(
      fc.property(commands, fc.integer({ min: 0, max: 9 }), (steps, start) => {
        const model = { start, taken: Array.from({ length: SPAN }, () => false), owned: new Map<number, number>() }
        fc.modelRun(() => ({ model, real: { ranges: new RangeAllocator(start, start + SPAN) } }), steps)
      }),
    )
  })

  it('joins what is freed, in whatever order, to one piece as large as the range', () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 })
    fc.assert(
      fc.property(order, (freed) => {
        const ranges = new RangeAllocator(0, 60)
        for (let i = 0; i < 6; i++) ranges.allocate(10)
        expect(ranges.allocate(1)).toBeUndefined()
        for (const index of freed) ranges.free(index * 10)
        expect(ranges.allocate(60)).toBe(0)
      }),
    )
  })

  it('refuses to free what was not allocated, and a second time', () => {
    const ranges = new RangeAllocator(0, 8)
    const start = ranges.allocate(4) ?? -1
    ranges.free(start)
    for (const at of [start, 2, 100]) {
      let code: unknown
      try {
        ranges.free(at)
      } catch (error) {
        code = codeOf(error)
      }
      expect(code).toBe('internal')
    }
  })
})
