import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../../src/base/address.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { describeBuffer, encodeDescriptors } from '../../../../src/engine/intel-hda/descriptor-list.ts'

const UNIT = 128
const list = (...parts: readonly (readonly [bus: number, length: number])[]): Segments =>
  Segments.of(parts.map(([bus, length]) => ({ bus: busAddress(bus), length })))
const outside = expect.objectContaining({ code: 'range-outside' })

/** What a controller makes of the bytes: one bus address a unit, and where it interrupts. Written from the specification alone. */
function walk(bytes: Uint8Array): { readonly units: bigint[]; readonly interrupts: number[] } {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [units, interrupts]: [bigint[], number[]] = [[], []]
  for (let entry = 0; entry < bytes.length / 16; entry++) {
    const address = (BigInt(words.getUint32(entry * 16 + 4, true)) << 32n) | BigInt(words.getUint32(entry * 16, true))
    const length = words.getUint32(entry * 16 + 8, true)
    if (address % 128n !== 0n || length < 2) throw new Error(`entry ${entry} is none`)
    for (let at = 0; at < length; at += UNIT) units.push(address + BigInt(at))
    if ((words.getUint32(entry * 16 + 12, true) & 1) === 1) interrupts.push(units.length * UNIT)
  }
  return { units, interrupts }
}

const pieces = fc
  .array(fc.record({ page: fc.nat(2 ** 30), units: fc.integer({ min: 1, max: 40 }) }), { minLength: 1, maxLength: 20 })
  .filter((parts) => parts.reduce((sum, { units }) => sum + units, 0) >= 2)

describe('a descriptor list', () => {
  it('leads a controller through the buffer in order and interrupts where it was asked to', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(1000), { maxLength: 6 }), (parts, marks) => {
        const segments = list(...parts.map(({ page, units }) => [page * UNIT, units * UNIT] as const))
        const total = segments.size / UNIT
        const notifyAt = [...new Set(marks.map((mark) => ((mark % total) + 1) * UNIT))].toSorted((a, b) => a - b)
        const entries = describeBuffer(segments, notifyAt, 64)
        expect(entries.length).toBeGreaterThanOrEqual(2)
        const { units, interrupts } = walk(encodeDescriptors(entries))
        const wanted = parts.flatMap(({ page, units: count }) =>
          Array.from({ length: count }, (_, unit) => BigInt(page + unit) * 128n),
        )
        expect(units).toEqual(wanted)
        expect(interrupts).toEqual(notifyAt)
      }),
    )
  })

  it('of one piece has two entries, of which only the last interrupts', () => {
    expect(describeBuffer(list([0x1000, 4096]), [4096], 64)).toEqual([
      { bus: 0x1000n, length: 2048, notify: false },
      { bus: 0x1800n, length: 2048, notify: true },
    ])
  })

  it('has no more than 256 entries, those for notifications included', () => {
    const parts = Array.from({ length: 256 }, (_, index) => [index * 8192, 256] as const)
    expect(describeBuffer(list(...parts), [256 * 256], 64)).toHaveLength(256)
    expect(() => describeBuffer(list(...parts), [128, 256 * 256], 64)).toThrow(outside)
  })

  it.each([
    ['nothing', []],
    ['a piece that begins between multiples of 128', [[0x1040, 4096]]],
    ['a piece whose length is none', [[0x1000, 100]]],
    ['a piece of no bytes', [[0x1000, 0]]],
    ['one piece too short to be cut', [[0x1000, 128]]],
    ['4 GiB', Array.from({ length: 2 }, (_, index) => [index * 2 ** 31, 2 ** 31] as const)],
  ] as const)('cannot describe %s', (_, parts) => {
    expect(() => describeBuffer(list(...parts), [], 64)).toThrow(outside)
  })

  it('cannot describe what the controller does not reach', () => {
    expect(() => describeBuffer(list([0xffff_f000, 0x2000]), [], 32)).toThrow(outside)
    expect(describeBuffer(list([0xffff_f000, 0x1000]), [], 32)).toHaveLength(2)
  })

  it.each([[[0]], [[100]], [[256, 128]], [[256, 256]], [[4224]]])('cannot interrupt at %j of 4096', (notifyAt) => {
    expect(() => describeBuffer(list([0x1000, 4096]), notifyAt, 64)).toThrow(outside)
  })
})
