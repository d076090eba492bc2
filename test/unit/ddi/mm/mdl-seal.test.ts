import { describe, expect, it } from '@jest/globals'
import { va } from '../../../../src/base/address.ts'
import { MdlSeal, type SealedMember } from '../../../../src/ddi/mm/mdl-seal.ts'
import { Mdl, MmInitializeMdl, MmSizeOfMdl } from '../../../../src/ddi/mm/mdl.ts'

const sealedMdl = (pages: number): { readonly mdl: Mdl; readonly seal: MdlSeal } => {
  const size = MmSizeOfMdl(va(0x5000n), pages * 4096)
  const mdl = new Mdl({ address: va(0x1000n), size, data: new DataView(new ArrayBuffer(size)) })
  MmInitializeMdl(mdl, va(0x5000n), pages * 4096)
  mdl.slots().forEach((_, index, slots) => (slots[index] = BigInt(index) + 0x1_0000_0000n))
  const seal = new MdlSeal(mdl)
  seal.all(true)
  return { mdl, seal }
}

describe.each([3, 300])('the seal of an MDL of %d pages', (pages) => {
  it('is whole as long as nobody writes, whatever becomes of Next and MdlFlags', () => {
    const { mdl, seal } = sealedMdl(pages)
    mdl.header.set('Next', 1n)
    mdl.MdlFlags = 0xffff
    expect([seal.brokenHeader(), seal.brokenPages()]).toEqual([undefined, undefined])
  })

  it.each<readonly [SealedMember, number, bigint]>([
    ['first-page', 0, 1n],
    ['first-page', 0, 1n << 32n],
    ['page', 1, 1n],
    ['page', pages - 1, 1n << 63n],
  ])('tells %s from entry %d', (member, index, bit) => {
    const { mdl, seal } = sealedMdl(pages)
    const slots = mdl.slots()
    slots[index] = (slots[index] ?? 0n) ^ bit
    expect([seal.brokenHeader(), seal.brokenPages()]).toEqual([undefined, member])
  })

  it.each(['Size', 'Process', 'MappedSystemVa', 'StartVa', 'ByteCount', 'ByteOffset'] as const)(
    'tells %s',
    (member) => {
      const { mdl, seal } = sealedMdl(pages)
      const now = mdl.header.get(member)
      mdl.header.set(member, typeof now === 'bigint' ? now ^ (1n << 40n) : now ^ 4)
      expect(seal.brokenHeader()).toBe(member)
    },
  )

  it('covers no page that the MDL does not describe any more', () => {
    const { mdl, seal } = sealedMdl(pages)
    expect(seal.pages).toBe(pages)
    mdl.header.set('ByteCount', 4096)
    seal.all(true)
    expect(seal.pages).toBe(1)
    mdl.slots()[1] = 0n
    expect(seal.brokenPages()).toBeUndefined()
    mdl.slots()[0] = 0n
    expect(seal.brokenPages()).toBe('first-page')
    seal.all(false)
    mdl.slots()[0] = 1n
    expect(seal.brokenPages()).toBeUndefined()
  })
})
