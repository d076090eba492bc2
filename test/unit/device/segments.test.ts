import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../src/base/address.ts'
import { Segments } from '../../../src/device/segments.ts'

const anySegments = fc
  .array(
    fc.record({ bus: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(busAddress), length: fc.integer({ min: 1, max: 30 }) }),
    {
      maxLength: 8,
    },
  )
  .map((list) => Segments.of(list))

/** The bus address of each byte. */
const bytesOf = (segments: Segments): readonly bigint[] =>
  [...segments].flatMap(({ bus, length }) => Array.from({ length }, (_, byte) => bus + BigInt(byte)))

describe('a part of a list of segments', () => {
  it('describes those bytes and no others, without an empty segment', () => {
    fc.assert(
      fc.property(anySegments, fc.nat(260), fc.nat(260), (segments, offset, length) => {
        const part = segments.slice(offset, length)
        expect(bytesOf(part)).toEqual(bytesOf(segments).slice(offset, offset + length))
        expect(part.lengths.every((one) => one > 0)).toBe(true)
      }),
    )
  })

  it('leaves the whole as it is', () => {
    const whole = Segments.of([{ bus: busAddress(0x1000n), length: 4096 }])
    whole.slice(100, 10)
    expect([...whole]).toEqual([{ bus: 0x1000n, length: 4096 }])
  })
})
