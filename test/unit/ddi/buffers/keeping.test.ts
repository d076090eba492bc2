import { describe, expect, it } from '@jest/globals'
import { va } from '../../../../src/base/address.ts'
import { MEMORY_CACHING_TYPE, MdlFlags } from '../../../../src/ddi/constants.ts'
import { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'
import { UserMode, lock, mdlOver, poolBlock, present, userMemory } from '../driver-memory.ts'

const header = ({ ddi }: Bench, base: bigint, length: number): Mdl =>
  present(ddi.io.IoAllocateMdl(va(base), length, false, false, null))

describe('An MDL that was emptied', () => {
  it('owns none of the pages of which it becomes a part, and gives none of them back', async () => {
    await using bench = await Bench.open()
    const { mm, io } = bench.ddi
    const [target, other, source] = [bench.pages(2), bench.pages(2), bench.pages(2)]
    for (const mdl of [target, other]) mm.MmFreePagesFromMdl(mdl)
    const before = bench.frames.allocated
    for (const mdl of [target, other]) io.IoBuildPartialMdl(source, mdl, NULL, 0)
    target.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED
    expect(outcome(() => mm.MmFreePagesFromMdl(target))).toBe('0x1a/0x1236')
    expect(mm.MmAdvanceMdl(target, 4096)).toBe(0)
    expect(bench.frames.allocated).toBe(before)
    expect(outcome(() => mm.ExFreePool(target))).toBe('returned')
    expect(await bench.end()).toEqual(['MDL-123', 'MDL-123'])
    expect(bench.frames.allocated).toBe(0)
  })
})

describe('A part that was built anew', () => {
  it('keeps nothing of the source that it was of', async () => {
    await using bench = await Bench.open()
    const { mm, io } = bench.ddi
    const [left, source, part] = [bench.pages(1), bench.pages(1), header(bench, 0n, 4096)]
    for (const mdl of [left, source]) io.IoBuildPartialMdl(mdl, part, NULL, 0)
    mm.MmGetSystemAddressForMdlSafe(part, NormalPagePriority)
    expect([left, source].map((mdl) => outcome(() => bench.free(mdl)))).toEqual(['returned', '0xc4/0xb8'])
  })
})

describe('Another caching type', () => {
  it('is refused for any page of an MDL, not only for its first', async () => {
    await using bench = await Bench.open()
    const { mm, io } = bench.ddi
    const [source, part] = [bench.pages(2), header(bench, 0n, 4096)]
    io.IoBuildPartialMdl(source, part, va(4096n), 0)
    mm.MmGetSystemAddressForMdlSafe(part, NormalPagePriority)
    const map = (type: MEMORY_CACHING_TYPE): string =>
      outcome(() => mm.MmMapLockedPagesSpecifyCache(source, UserMode, type, NULL, false, NormalPagePriority))
    expect(map(MEMORY_CACHING_TYPE.MmNonCached)).toBe('0xc0000017')
    expect(map(MmCached)).toBe('returned')
  })
})

describe('IoFreeMdl', () => {
  it('goes by the lock itself, when a driver cleared the flag that tells of it', async () => {
    await using bench = await Bench.open()
    const mdl = header(bench, userMemory(bench, 2), 8192)
    lock(bench, mdl)
    mdl.MdlFlags &= ~MdlFlags.MDL_PAGES_LOCKED
    expect(outcome(() => bench.ddi.io.IoFreeMdl(mdl))).toBe('MDL-028')
    await bench.end()
    expect(bench.frames.allocated).toBe(0)
  })
})

describe('MmInitializeMdl', () => {
  it('takes no memory in which another MDL is', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const block = present(bench.kernel.pool.allocate(64))
    const [mdl, twin] = [new Mdl(block), new Mdl(block)]
    mm.MmInitializeMdl(mdl, userMemory(bench, 1), 4096)
    lock(bench, mdl)
    expect(outcome(() => mm.MmInitializeMdl(twin, NULL, 4096))).toBe('MDL-007')
    await bench.end()
    expect(bench.frames.allocated).toBe(0)
  })

  it('takes no memory that is no pool block of its own', async () => {
    await using bench = await Bench.open()
    await using other = await Bench.open()
    const { mm, io } = bench.ddi
    const freed = header(bench, 0n, 4096)
    const { address, data } = present(bench.kernel.pool.allocate(128))
    const inside = new DataView(data.buffer, data.byteOffset + 16, 64)
    const foreign = new Mdl(present(other.kernel.pool.allocate(64)))
    io.IoFreeMdl(freed)
    for (const mdl of [freed, new Mdl({ address: va(address + 16n), data: inside, size: 64 }), foreign]) {
      expect(outcome(() => mm.MmInitializeMdl(mdl, NULL, 4096))).toBe('MDL-007')
    }
  })

  it.each([
    ['a length of less than nothing', -1],
    ['a length that is no number', NaN],
    ['more bytes than its 32 bits hold', 2 ** 32],
  ])('refuses %s', async (_, length) => {
    await using bench = await Bench.open()
    const mdl = new Mdl(present(bench.kernel.pool.allocate(64)))
    expect(outcome(() => bench.ddi.mm.MmInitializeMdl(mdl, NULL, length))).toBe('MDL-006')
  })
})

describe('A pool block', () => {
  it('is not freed while a user sees it, or a device reaches it', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const block = poolBlock(bench, 4096)
    const mdl = mdlOver(bench, block, 4096)
    mm.MmBuildMdlForNonPagedPool(mdl)
    const view = mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NULL, false, NormalPagePriority)
    expect(outcome(() => mm.ExFreePool(block))).toBe('0xc4/0xb8')
    mm.MmUnmapLockedPages(present(view), mdl)
    const adapter = bench.adapter(64)
    const { value } = bench.list(adapter, mdl, 0, 4096, true)
    expect([outcome(() => mm.ExFreePool(block)), outcome(() => mm.ExFreePool(mdl))]).toEqual(['DMA-025', 'DMA-025'])
    bench.put(adapter, present(value), true)
    expect(outcome(() => mm.ExFreePool(block))).toBe('returned')
  })

  it('leaves an MDL that describes nothing any more', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const [block, neighbour] = [poolBlock(bench, 64), poolBlock(bench, 64)]
    const [mdl, kept] = [mdlOver(bench, block, 64), mdlOver(bench, neighbour, 64)]
    for (const one of [mdl, kept]) mm.MmBuildMdlForNonPagedPool(one)
    mm.ExFreePool(block)
    const map = (one: Mdl): string =>
      outcome(() => mm.MmMapLockedPagesSpecifyCache(one, 0, MmCached, NULL, false, NormalPagePriority))
    expect([map(mdl), map(kept)]).toEqual(['0xc4/0x85', '0xc4/0xb2'])
  })
})
