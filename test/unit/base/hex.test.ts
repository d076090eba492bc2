import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { hex } from '../../../src/base/hex.ts'

it.each([
  [0, undefined, '0x0'],
  [0xabc, undefined, '0xabc'],
  [0x1234_5678_9abc_def0n, undefined, '0x123456789abcdef0'],
  [0x1f, 4, '0x001f'],
  [0x12345, 4, '0x12345'],
] as const)('writes %s with %s digits as %s', (value, digits, text) => {
  expect(hex(value, digits)).toBe(text)
})

it('can be read back', () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => BigInt(hex(value)) === value))
})
