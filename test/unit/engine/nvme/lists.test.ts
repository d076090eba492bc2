import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../../src/base/address.ts'
import { codeOf } from '../../../../src/base/errors.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { type BuiltList, buildPrp, fitsPrp, prpListPages } from '../../../../src/engine/nvme/protocol/prp.ts'
import { buildSgl, sglPages } from '../../../../src/engine/nvme/protocol/sgl.ts'
import { type Fetch, type Piece, merged, walkPrp, walkSgl } from '../../../contract/nvme/walkers.ts'

const PAGE = 4096n
const LISTS = 0x7000_0000_0000n
/** Places of list pages, the higher first: nothing may depend on their order. */
const listPages = (count: number) =>
  Array.from({ length: count }, (_, i) => busAddress(LISTS + PAGE * BigInt(2 * (count - i))))

const list = (...parts: (readonly [number | bigint, number])[]): Segments =>
  Segments.of(parts.map(([bus, length]) => ({ bus: busAddress(bus), length })))
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const asPieces = (segments: Segments): readonly Piece[] =>
  [...segments].map(({ bus, length }) => ({ address: bus, length }))

/** Memory that holds the list's pages and nothing else. */
function holding({ pages }: BuiltList, at: readonly bigint[]): Fetch {
  return (address, length) => {
    const index = at.findIndex((start) => address >= start && address < start + PAGE)
    const page = pages[index]
    const offset = Number(address - (at[index] ?? 0n))
    if (page === undefined || offset + length > page.length) throw new Error(`nothing lies at ${address.toString(16)}`)
    return page.slice(offset, offset + length)
  }
}

describe('PRP entries', () => {
  it.each([
    ['one page', list([0x5000, 0x1000]), '00500000000000000000000000000000'],
    ['an offset that is a multiple of 4', list([0x5ffc, 4]), 'fc5f0000000000000000000000000000'],
    ['two pages, the second by entry 2', list([0x5800, 0x800], [0x9000, 0x100]), '00580000000000000090000000000000'],
    ['two pages of one segment', list([0x5004, 0x1ffc]), '04500000000000000060000000000000'],
    ['an address above 4 GiB', list([0x1_2345_6000n, 0x1000]), '00604523010000000000000000000000'],
  ])('describe %s in the command itself', (_, segments, expected) => {
    const built = buildPrp(segments, [])
    expect(hexOf(built.pointer.bytes)).toBe(expected)
    expect(built).toMatchObject({ pointer: { kind: 'prp' }, pages: [] })
  })

  it('describe a third page by a list, to which entry 2 points', () => {
    const built = buildPrp(list([0x5000, 0x1000], [0x9000, 0x1000], [0x3000, 0x10]), listPages(1))
    expect(hexOf(built.pointer.bytes)).toBe('00500000000000000020000000700000')
    expect(built.pages.map(hexOf)).toEqual(['00900000000000000030000000000000'])
  })

  it('fill a list page with 512, and chain the next by the last when there are more', () => {
    const whole = buildPrp(list([0x10_0000, 513 * 4096]), listPages(1))
    expect(whole.pages.map(({ length }) => length)).toEqual([4096])
    const chained = buildPrp(list([0x10_0000, 514 * 4096]), listPages(2))
    expect(chained.pages.map(({ length }) => length)).toEqual([4096, 16])
    expect(hexOf(chained.pages[0]?.slice(-8) ?? new Uint8Array())).toBe('0020000000700000')
  })

  it.each([
    ['no byte at all', list()],
    ['a start that is no multiple of 4', list([0x5002, 0x10])],
    ['a segment that ends within a page before another', list([0x5000, 0x800], [0x9000, 0x1000])],
    ['a second segment that starts within a page', list([0x5000, 0x1000], [0x9004, 0x100])],
  ])('cannot describe %s', (_, segments) => expect(fitsPrp(segments)).toBe(false))

  it('say when there are too few list pages', () => {
    const code = (count: number, pages: number): unknown => {
      try {
        return buildPrp(list([0, count * 4096]), listPages(pages)).pages.length
      } catch (error) {
        return codeOf(error)
      }
    }
    expect([code(2, 0), code(3, 0), code(3, 1), code(514, 1), code(514, 2)]).toEqual([
      0,
      'range-outside',
      1,
      'range-outside',
      2,
    ])
  })

  it('lead a controller to the same bytes in the same order', () => {
    const runs = fc.array(fc.tuple(fc.nat(0xffff), fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 12 })
    const ends = fc.record({ front: fc.nat(1023), back: fc.nat(4095) })
    fc.assert(
      fc.property(runs, ends, (pages, { front, back }) => {
        const whole = list(...pages.map(([page, count]) => [BigInt(page) * PAGE, count * 4096] as const))
        const segments = whole.slice(4 * front, Math.max(1, whole.size - 4 * front - back))
        expect(fitsPrp(segments)).toBe(true)
        const at = listPages(prpListPages(segments.size + 4096))
        const built = buildPrp(segments, at)
        const walked = walkPrp(built.pointer.bytes, segments.size, holding(built, at))
        expect(merged(walked)).toEqual(merged(asPieces(segments)))
      }),
    )
  })
})

describe('SGLs', () => {
  it('describe one segment in the command itself, as a data block', () => {
    const built = buildSgl(list([0x1_2345_6789n, 0x321]), [])
    expect(built).toMatchObject({ pointer: { kind: 'sgl' }, pages: [] })
    expect(hexOf(built.pointer.bytes)).toBe('89674523010000002103000000000000')
  })

  it('describe two by a last segment of two data blocks', () => {
    const built = buildSgl(list([0x11, 3], [0x22, 5]), listPages(1))
    expect(hexOf(built.pointer.bytes)).toBe('00200000007000002000000000000030')
    expect(built.pages.map(hexOf)).toEqual(['1100000000000000030000000000000022000000000000000500000000000000'])
  })

  it('fill a page with 256 data blocks, and chain by the last descriptor when there are more', () => {
    const blocks = (count: number) => list(...Array.from({ length: count }, (_, i) => [BigInt(i) * 16n, 1] as const))
    const whole = buildSgl(blocks(256), listPages(1))
    expect([hexOf(whole.pointer.bytes.slice(8)), whole.pages.length]).toEqual(['0010000000000030', 1])
    const chained = buildSgl(blocks(257), listPages(2))
    expect(hexOf(chained.pointer.bytes)).toBe('00400000007000000010000000000020')
    expect(chained.pages.map(({ length }) => length)).toEqual([4096, 32])
    expect(hexOf(chained.pages[0]?.slice(-16) ?? new Uint8Array())).toBe('00200000007000002000000000000030')
  })

  it('say when there are too few list pages', () => {
    const two = list([0, 1], [9, 1])
    expect(() => buildSgl(two, [])).toThrow(expect.objectContaining({ code: 'range-outside' }))
  })

  it('lead a controller to the same bytes in the same order', () => {
    const parts = fc.array(fc.tuple(fc.bigInt(0n, 1n << 40n), fc.integer({ min: 1, max: 9000 })), {
      minLength: 1,
      maxLength: 700,
    })
    fc.assert(
      fc.property(parts, (chosen) => {
        const segments = list(...chosen)
        const at = listPages(sglPages(segments.count))
        const built = buildSgl(segments, at)
        expect(walkSgl(built.pointer.bytes, segments.size, holding(built, at))).toEqual(asPieces(segments))
        expect(built.pages.length).toBe(at.length)
      }),
    )
  })
})
