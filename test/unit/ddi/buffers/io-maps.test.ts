import { describe, expect, it } from '@jest/globals'
import { physicalAddress } from '../../../../src/base/address.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { Bench, MmCached, NormalPagePriority, outcome } from '../bench.ts'
import { frameNumbers, lock, mdlOver, plus, poolBlock, present, userMemory } from '../driver-memory.ts'

const at = (mdl: Mdl, offset = 0) => physicalAddress(BigInt(frameNumbers(mdl)[0] ?? 0) * 4096n + BigInt(offset))

describe('MmMapIoSpace', () => {
  it('maps registers at the offset of the address', async () => {
    await using bench = await Bench.open()
    const bar = present(bench.device.regions.find(({ kind, mappable }) => kind === 'memory' && mappable))
    const view = present(bench.ddi.mm.MmMapIoSpace(physicalAddress(bar.start + 4n), 4, 0))
    expect(Number(view % 4096n)).toBe(4)
    expect(bench.ddi.registers.READ_REGISTER_ULONG(view)).toBe(bar.read32(4))
    bench.ddi.mm.MmUnmapIoSpace(view, 4)
  })

  it('gives NULL where nothing lies, and where a BAR ends', async () => {
    await using bench = await Bench.open()
    const bar = present(bench.device.regions.find(({ kind, mappable }) => kind === 'memory' && mappable))
    for (const bytes of [2 ** 32, 2 ** 43, Number.MAX_SAFE_INTEGER, 2 ** 60]) {
      expect(bench.ddi.mm.MmMapIoSpace(physicalAddress(bar.start), bytes, 0)).toBeNull()
    }
    for (const start of [0n, bar.start + BigInt(bar.size) - 2n]) {
      expect(bench.ddi.mm.MmMapIoSpace(physicalAddress(start), 4, 0)).toBeNull()
    }
  })

  it('maps RAM only while it is locked or belongs to a page allocation', async () => {
    await using bench = await Bench.open()
    const map = (mdl: Mdl): string => outcome(() => bench.ddi.mm.MmMapIoSpace(at(mdl), 1, MmCached))
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    lock(bench, mdl)
    const pages = bench.pages(1)
    expect([map(mdl), map(pages)]).toEqual(['returned', 'returned'])
    bench.ddi.mm.MmUnlockPages(mdl)
    expect(map(mdl)).toBe('0xc4/0x83')
    const built = mdlOver(bench, poolBlock(bench, 8), 8)
    bench.ddi.mm.MmBuildMdlForNonPagedPool(built)
    expect(map(built)).toBe('0xc4/0x83')
  })

  it('refuses no bytes, and a level above DISPATCH_LEVEL', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(1)
    const map = (bytes: number): string => outcome(() => bench.ddi.mm.MmMapIoSpace(at(pages), bytes, MmCached))
    expect([map(0), map(-1), map(0.5)]).toEqual(['DXM-030', 'DXM-030', 'DXM-030'])
    bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => expect(map(1)).toBe('0xc4/0x73'))
  })
})

describe('a view of RAM', () => {
  it('keeps its frames from others until it is unmapped, though their MDL is gone', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(1)
    const view = present(bench.ddi.mm.MmMapIoSpace(at(pages), 4096, MmCached))
    bench.kernel.memory.fill(view, 4096, 0x5a)
    const before = bench.frames.allocated
    bench.ddi.mm.MmFreePagesFromMdl(pages)
    expect(bench.frames.allocated).toBe(before)
    expect(bench.kernel.memory.read(view, 4096)).toEqual(new Uint8Array(4096).fill(0x5a))
    bench.ddi.mm.MmUnmapIoSpace(view, 4096)
    expect(bench.frames.allocated).toBe(before - 1)
    bench.ddi.mm.ExFreePool(pages)
  })
})

describe('MmUnmapIoSpace', () => {
  it('takes what MmMapIoSpace returned and was given, once', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(2)
    const view = present(bench.ddi.mm.MmMapIoSpace(at(pages, 8), 100, MmCached))
    const unmap = (address = view, bytes = 100): string => outcome(() => bench.ddi.mm.MmUnmapIoSpace(address, bytes))
    expect(unmap(plus(view, 1))).toBe('0xda/0x400')
    expect(unmap(view, 101)).toBe('DXM-032')
    bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => expect(unmap()).toBe('0xc4/0x7b'))
    expect(unmap()).toBe('returned')
    expect(unmap()).toBe('0xda/0x400')
  })

  it('is warned of at DISPATCH_LEVEL, and done (ERR-24)', async () => {
    await using bench = await Bench.open()
    const view = present(bench.ddi.mm.MmMapIoSpace(at(bench.pages(1)), 1, MmCached))
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => bench.ddi.mm.MmUnmapIoSpace(view, 1))
    expect(bench.kernel.ledger.entries.map(({ rule }) => rule)).toEqual(['DXM-032'])
    expect(bench.kernel.memory.views).toBe(0)
  })

  it('frees the pages for another caching type', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(1)
    const view = present(bench.ddi.mm.MmMapIoSpace(at(pages), 1, 0))
    expect(bench.ddi.mm.MmGetSystemAddressForMdlSafe(pages, NormalPagePriority)).toBeNull()
    bench.ddi.mm.MmUnmapIoSpace(view, 1)
    expect(bench.ddi.mm.MmGetSystemAddressForMdlSafe(pages, NormalPagePriority)).not.toBeNull()
  })

  it('is missed at the end', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(1)
    bench.ddi.mm.MmMapIoSpace(at(pages), 1, MmCached)
    bench.free(pages)
    expect(await bench.end()).toEqual(['DXM-032'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })
})
