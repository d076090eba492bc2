import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { GUARD_BYTE, orderPattern } from '../../../src/memory/patterns.ts'

const salt = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const LENGTH = 4095

describe('orderPattern', () => {
  it('holds neither 0 nor the guard byte', () => {
    fc.assert(
      fc.property(fc.nat(20_000), salt, (length, seed) => {
        const bytes = orderPattern(length, seed)
        expect(bytes).toHaveLength(length)
        expect(bytes.includes(0) || bytes.includes(GUARD_BYTE)).toBe(false)
      }),
      { numRuns: 40 },
    )
  })

  it('begins alike whatever its length', () => {
    expect(orderPattern(100, 7)).toEqual(orderPattern(LENGTH, 7).subarray(0, 100))
  })

  it('differs from itself shifted by any distance, in most of its bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), salt, (shift, seed) => {
        const bytes = orderPattern(LENGTH, seed)
        const compared = LENGTH - shift
        const alike = bytes.subarray(shift).filter((byte, i) => byte === bytes[i]).length
        expect(alike / compared).toBeLessThan(0.15)
      }),
    )
  })

  it('shows two pieces that changed places', () => {
    const piece = fc.integer({ min: 0, max: 62 })
    fc.assert(
      fc.property(piece, piece, salt, (one, other, seed) => {
        fc.pre(one !== other)
        const bytes = orderPattern(64 * 64, seed)
        const [first, second] = [one, other].map((i) => bytes.subarray(i * 64, (i + 1) * 64))
        expect(first).not.toEqual(second)
      }),
    )
  })

  it('has no two neighbouring pairs of bytes alike that an exchange of them would hide', () => {
    const bytes = orderPattern(LENGTH)
    const alike = bytes.filter((byte, i) => byte === bytes[i ^ 1]).length
    expect(alike / LENGTH).toBeLessThan(0.05)
  })

  it('differs with the salt', () => {
    fc.assert(
      fc.property(salt, salt, (one, other) => {
        fc.pre(one !== other)
        expect(orderPattern(256, one)).not.toEqual(orderPattern(256, other))
      }),
    )
  })
})
