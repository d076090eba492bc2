import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { va } from '../../../../src/base/address.ts'
import { ProbarError } from '../../../../src/base/errors.ts'
import {
  ADDRESS_AND_SIZE_TO_SPAN_PAGES,
  Mdl,
  MmGetMdlByteCount,
  MmGetMdlByteOffset,
  MmGetMdlPfnArray,
  MmGetMdlVirtualAddress,
  MmInitializeMdl,
  MmSizeOfMdl,
} from '../../../../src/ddi/mm/mdl.ts'

const address = fc.bigInt({ min: 0n, max: 0x7fff_ffff_ffffn }).map(va)

describe('ADDRESS_AND_SIZE_TO_SPAN_PAGES', () => {
  it('counts the pages that the bytes touch', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 40_000 }), (start, size) => {
        const pages = new Set<bigint>()
        for (let i = 0; i < size; i++) pages.add((start + BigInt(i)) >> 12n)
        // Of nothing the macro counts the page that it lies in, unless it lies at the start of one.
        const expected = size === 0 ? Number(start % 4096n !== 0n) : pages.size
        expect(ADDRESS_AND_SIZE_TO_SPAN_PAGES(start, size)).toBe(expected)
      }),
      { numRuns: 40 },
    )
  })

  it.each([-1, Number.MAX_SAFE_INTEGER, Number.NaN])('has no answer for %s bytes', (size) => {
    expect(() => ADDRESS_AND_SIZE_TO_SPAN_PAGES(va(4095), size)).toThrow(ProbarError)
  })
})

describe('an MDL', () => {
  const memory = (base: bigint, length: number): Mdl => {
    const size = MmSizeOfMdl(va(base), length)
    return new Mdl({ address: va(0x10_0000), size, data: new DataView(new ArrayBuffer(size)) })
  }

  it('holds the buffer that it was initialised with', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 1, max: 0x10_0000 }), (base, length) => {
        const mdl = memory(base, length)
        MmInitializeMdl(mdl, base, length)
        expect(MmGetMdlVirtualAddress(mdl)).toBe(base)
        expect(MmGetMdlByteCount(mdl)).toBe(length)
        expect(MmGetMdlByteOffset(mdl)).toBe(Number(base % 4096n))
        expect(mdl.header.get('StartVa') % 4096n).toBe(0n)
        expect(MmGetMdlPfnArray(mdl)).toHaveLength(mdl.capacity)
      }),
    )
  })

  it('has 48 bytes and 8 a page, of which Size keeps 16 bits', () => {
    const pages = 10_000
    const mdl = memory(0n, pages * 4096)
    MmInitializeMdl(mdl, va(0), pages * 4096)
    expect(MmSizeOfMdl(va(0), pages * 4096)).toBe(48 + 8 * pages)
    expect(mdl.header.get('Size')).toBe((48 + 8 * pages) % 0x1_0000)
    expect(MmGetMdlPfnArray(mdl)).toHaveLength(pages)
  })

  it('is initialised over whatever was there', () => {
    const mdl = memory(0n, 4096)
    for (const name of ['Next', 'StartVa'] as const) mdl.header.set(name, 0xdead_beefn)
    mdl.MdlFlags = 0xffff
    MmInitializeMdl(mdl, va(0x3000), 100)
    expect([mdl.header.get('Next'), mdl.MdlFlags, mdl.header.get('StartVa')]).toEqual([0n, 0, 0x3000n])
  })
})
