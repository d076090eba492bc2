import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { seededRandom } from '../../../src/base/random.ts'

const seeds = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })

function draw(seed: bigint, bound = 2 ** 32, count = 32): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => random.below(bound))
}

it('gives the same numbers for the same seed', () => {
  fc.assert(fc.property(seeds, (seed) => expect(draw(seed)).toEqual(draw(seed))))
})

it('gives other numbers for another seed, whichever bit differs', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 63 }), (seed, bit) => {
      expect(draw(seed)).not.toEqual(draw(seed ^ (1n << BigInt(bit))))
    }),
  )
})

it('gives integers from 0 up to the bound', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
      for (const value of draw(seed, bound)) {
        expect(Number.isInteger(value)).toBe(true)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThan(bound)
      }
    }),
  )
})

it('reaches every number below a small bound', () => {
  expect(new Set(draw(1n, 8, 256)).size).toBe(8)
})

it('reaches the upper half of 32 bits', () => {
  expect(Math.max(...draw(1n))).toBeGreaterThanOrEqual(2 ** 31)
})
