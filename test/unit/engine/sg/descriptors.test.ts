import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../../src/base/address.ts'
import { type Segment, Segments } from '../../../../src/device/segments.ts'
import { commandsOf, encodeDescriptors, streamDescriptors } from '../../../../src/engine/sg/descriptors.ts'

const lists = fc
  .array(fc.record({ page: fc.integer({ min: 1, max: 1000 }), length: fc.integer({ min: 1, max: 300 }) }), {
    maxLength: 40,
  })
  .map((parts) => Segments.of(parts.map(({ page, length }): Segment => ({ bus: busAddress(page * 4096), length }))))

/** Every byte's bus address. */
const bytesOf = (segments: Iterable<{ readonly bus: bigint; readonly length: number }>): readonly bigint[] =>
  [...segments].flatMap(({ bus, length }) => Array.from({ length }, (_, i) => bus + BigInt(i)))

describe('commands', () => {
  it('move every byte of a list once, in order, each within the limits', () => {
    fc.assert(
      fc.property(
        lists,
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 1, max: 9 }),
        (list, maxTransfer, listLength) => {
          const commands = commandsOf(list, { maxTransfer, listLength })
          expect(commands.flatMap((part) => bytesOf(part))).toEqual(bytesOf(list))
          for (const { size, count } of commands) {
            expect([size > 0, size <= maxTransfer, count <= listLength]).toEqual([true, true, true])
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('are as few as the limits allow', () => {
    const list = Segments.of(Array.from({ length: 5 }, (_, i) => ({ bus: busAddress(i * 4096), length: 100 })))
    expect(commandsOf(list, { maxTransfer: 1000, listLength: 2 }).map(({ size }) => size)).toEqual([200, 200, 100])
    expect(commandsOf(list, { maxTransfer: 150, listLength: 9 }).map(({ size }) => size)).toEqual([150, 150, 150, 50])
  })
})

describe('the descriptors of a stream', () => {
  it('cover the buffer in order, and end where the device is to notify, exactly', () => {
    fc.assert(
      fc.property(lists, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }), (list, places) => {
        const offsets = places.map((place) => Math.max(1, Math.round(place * list.size)))
        const notifyAt = list.size === 0 ? [] : [...new Set(offsets)].toSorted((one, other) => one - other)
        const descriptors = streamDescriptors(list, notifyAt)
        expect(bytesOf(descriptors)).toEqual(bytesOf(list))
        let at = 0
        const flagged = descriptors.flatMap(({ length, notify }) => {
          at += length
          return notify === true ? [at] : []
        })
        expect(flagged).toEqual(notifyAt)
      }),
      { numRuns: 50 },
    )
  })
})

it('a descriptor lies in memory as its page says', () => {
  const bytes = encodeDescriptors([
    { bus: 1n, length: 1 },
    { bus: 0x1122_3344_5566_7788n, length: 0x99, toMemory: true, notify: true, deviceAddress: 0x3_0001 },
  ])
  expect(bytes).toHaveLength(64)
  expect(Buffer.from(bytes.subarray(32)).toString('hex')).toBe(
    '8877665544332211990000000300000001000300000000000000000000000000',
  )
  expect(Buffer.from(bytes.subarray(0, 32)).toString('hex')).toBe(`010000000000000001000000${'0'.repeat(40)}`)
})
