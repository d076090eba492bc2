import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  advance,
  busAddress,
  distance,
  pfn,
  physicalAddress,
  va,
  type BusAddress,
  type PhysicalAddress,
  type Va,
} from '../../../src/base/address.ts'
import { codeOf } from '../../../src/base/errors.ts'

const LIMIT = 1n << 64n
const u64 = fc.bigInt({ min: 0n, max: LIMIT - 1n })
const makers: Record<string, (value: bigint | number) => Va | PhysicalAddress | BusAddress> = {
  va,
  physicalAddress,
  busAddress,
}

function codeThrown(act: () => unknown): unknown {
  try {
    return { returned: act() }
  } catch (error) {
    return codeOf(error) ?? error
  }
}

describe.each(Object.entries(makers))('%s', (_, make) => {
  it('takes every unsigned 64-bit number as it is', () => {
    fc.assert(fc.property(u64, (value) => BigInt(make(value)) === value))
  })

  it.each([-1n, LIMIT, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s', (value) => {
    expect(codeThrown(() => make(value))).toBe('range-outside')
  })
})

describe('advance', () => {
  it('adds, and refuses to wrap in either direction', () => {
    const step = fc.bigInt({ min: -LIMIT, max: LIMIT })
    fc.assert(
      fc.property(u64, step, (start, bytes) => {
        const sum = start + bytes
        const expected = sum >= 0n && sum < LIMIT ? { returned: sum } : 'range-outside'
        expect(codeThrown(() => advance(busAddress(start), bytes))).toEqual(expected)
      }),
    )
  })

  it('refuses a part of a byte', () => {
    expect(codeThrown(() => advance(va(4096), 0.5))).toBe('range-outside')
  })
})

describe('distance', () => {
  it('undoes advance', () => {
    const bytes = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: LIMIT - (1n << 53n) }), bytes, (start, step) => {
        const from = physicalAddress(start)
        expect(distance(from, advance(from, step))).toBe(step)
      }),
    )
  })

  it.each([
    ['backwards', 1n, 0n],
    ['as wide as 2^53', 0n, 1n << 53n],
  ])('refuses one that is %s', (_, from, to) => {
    expect(codeThrown(() => distance(va(from), va(to)))).toBe('range-outside')
  })
})

describe('pfn', () => {
  it.each([0, 1, 2 ** 40, 2 ** 52 - 1])('takes %s', (value) => expect(pfn(value)).toBe(value))

  it.each([-1, 0.5, 2 ** 52, Number.NaN])('refuses %s', (value) => {
    expect(codeThrown(() => pfn(value))).toBe('range-outside')
  })
})
