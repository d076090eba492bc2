import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../../src/base/address.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { piecesOf } from '../../../../src/engine/nvme/pieces.ts'
import { merged } from '../../../contract/nvme/walkers.ts'

const lists = fc
  .array(fc.record({ at: fc.nat(0xffff), length: fc.nat(20_000) }), { maxLength: 40 })
  .map((parts) => Segments.of(parts.map(({ at, length }) => ({ bus: busAddress(at), length }))))

describe('a list cut into commands', () => {
  it('is whole and in order, and no piece has more bytes or segments than one takes', () => {
    const limits = fc.record({
      maxTransfer: fc.integer({ min: 1, max: 50_000 }),
      listLength: fc.integer({ min: 1, max: 9 }),
    })
    fc.assert(
      fc.property(lists, limits, (list, limit) => {
        const pieces = piecesOf(list, { ...limit, maxTransfer: limit.maxTransfer + 500 })
        let offset = 0
        for (const piece of pieces) {
          expect(piece.offset).toBe(offset)
          expect(piece.list.count).toBeLessThanOrEqual(limit.listLength)
          expect(piece.list.size).toBeGreaterThan(0)
          expect(piece.list.size).toBeLessThanOrEqual(limit.maxTransfer + 500)
          expect([...piece.list.lengths]).not.toContain(0)
          offset += piece.list.size
        }
        const joined = pieces.flatMap((piece) => [...piece.list])
        const asPieces = (segments: Iterable<{ bus: bigint; length: number }>) =>
          merged([...segments].map(({ bus, length }) => ({ address: bus, length })))
        expect(asPieces(joined)).toEqual(asPieces(list))
      }),
    )
  })

  it('of nothing has no pieces', () => expect(piecesOf(Segments.of([]), { maxTransfer: 1, listLength: 1 })).toEqual([]))
})
