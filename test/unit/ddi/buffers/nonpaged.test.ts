import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { seededRandom } from '../../../../src/base/random.ts'
import { KIRQL, MdlFlags } from '../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { FREED_BYTE } from '../../../../src/memory/frame-store.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'
import {
  KernelMode,
  POOL_FLAG_PAGED,
  POOL_FLAG_UNINITIALIZED,
  POOL_FLAG_NON_PAGED,
  UserMode,
  lock,
  mdlOver,
  pageBytes,
  plus,
  poolBlock,
  present,
  userMemory,
} from '../driver-memory.ts'

const build = ({ ddi }: Bench, mdl: Mdl): void => ddi.mm.MmBuildMdlForNonPagedPool(mdl)

describe('MmBuildMdlForNonPagedPool', () => {
  it('names the pages of any part of any block', async () => {
    await using bench = await Bench.open()
    const { memory } = bench.kernel
    const block = poolBlock(bench, 5 * 4096)
    for (let page = 0; page < 5; page++) memory.fill(plus(block, page * 4096), 4096, page)
    fc.assert(
      fc.property(fc.nat(5 * 4096 - 1), fc.integer({ min: 1, max: 5 * 4096 }), (start, bytes) => {
        const length = Math.min(bytes, 5 * 4096 - start)
        const mdl = mdlOver(bench, plus(block, start), length)
        build(bench, mdl)
        const last = Math.floor((start + length - 1) / 4096)
        const pages = Array.from({ length: 5 }, (_, page) => page)
        expect(pageBytes(bench, mdl)).toEqual(pages.slice(Math.floor(start / 4096), last + 1))
        expect(bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)).toBe(plus(block, start))
        bench.ddi.mm.ExFreePool(mdl)
      }),
    )
  })

  it('takes structures that the kernel hands out, too', async () => {
    await using bench = await Bench.open()
    const block = present(bench.kernel.pool.allocate(64))
    block.data.setUint8(0, 0x5c)
    const mdl = mdlOver(bench, block.address, 64)
    build(bench, mdl)
    const [first = 0n] = mdl.slots()
    const frame = present(bench.frames.indexOf(Number(first)))
    expect(bench.frames.read(frame * 4096 + Number(block.address % 4096n), 1)[0]).toBe(0x5c)
  })

  it.each<readonly [string, string, (bench: Bench) => Mdl]>([
    ['paged pool', '0xc4/0x7f', (bench) => mdlOver(bench, poolBlock(bench, 8, POOL_FLAG_PAGED), 8)],
    ['user memory', '0xc4/0x140', (bench) => mdlOver(bench, userMemory(bench, 1), 8)],
    ['memory that is not there', 'MDL-040', (bench) => mdlOver(bench, NULL, 8)],
    ['a page behind a block', 'MDL-040', (bench) => mdlOver(bench, poolBlock(bench, 4096), 4097)],
    ['no byte', 'MDL-042', (bench) => mdlOver(bench, poolBlock(bench, 8), 0)],
    ['pages that it describes already', 'MDL-042', (bench) => bench.pages(1)],
  ])('refuses %s, and leaves the MDL as it is', async (_, expected, make) => {
    await using bench = await Bench.open()
    const mdl = make(bench)
    const { MdlFlags: flags } = mdl
    expect(outcome(() => build(bench, mdl))).toBe(expected)
    expect(mdl.MdlFlags).toBe(flags)
  })

  it('runs up to DISPATCH_LEVEL, once for an MDL', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, poolBlock(bench, 8), 8)
    bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => expect(outcome(() => build(bench, mdl))).toBe('MDL-031'))
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => expect(outcome(() => build(bench, mdl))).toBe('returned'))
    expect(outcome(() => build(bench, mdl))).toBe('MDL-042')
    expect(mdl.MdlFlags).toBe(MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL)
  })
})

describe('what a user may see', () => {
  const map = ({ ddi }: Bench, mdl: Mdl): string =>
    outcome(() => ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NULL, false, NormalPagePriority))

  it.each([
    [4096, 'returned'],
    [3 * 4096, 'returned'],
    [4095, 'MDL-089'],
    [4097, 'MDL-089'],
    [16, 'MDL-089'],
  ])('of a pool block of %i bytes: %s', async (bytes, expected) => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, poolBlock(bench, bytes), bytes)
    build(bench, mdl)
    expect(map(bench, mdl)).toBe(expected)
  })

  it('is not what others left in a page, wherever the pager puts it', async () => {
    await using bench = await Bench.open()
    bench.free(bench.pages(400))
    const block = poolBlock(bench, 16 * 4096, POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED)
    bench.kernel.virtual.trim()
    const mdl = mdlOver(bench, block, 16 * 4096)
    lock(bench, mdl, KernelMode)
    expect(map(bench, mdl)).toBe('MDL-089')
  })

  it('is not what others left in a page, until all of it is overwritten', async () => {
    await using bench = await Bench.open()
    bench.free(bench.pages(400))
    const block = poolBlock(bench, 16 * 4096, POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED)
    const mdl = mdlOver(bench, block, 16 * 4096)
    build(bench, mdl)
    expect(map(bench, mdl)).toBe('MDL-089')
    bench.kernel.memory.fill(block, 16 * 4096, 0x44)
    expect(map(bench, mdl)).toBe('returned')
    bench.kernel.memory.fill(block, 16 * 4096, FREED_BYTE)
    expect(map(bench, mdl)).toBe('returned')
  })

  it('is not the pattern of low resources', async () => {
    await using bench = await Bench.open()
    bench.kernel.lowResources.simulate({ percent: 0, random: seededRandom(9n) })
    const block = poolBlock(bench, 4096, POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED)
    const mdl = mdlOver(bench, block, 4096)
    build(bench, mdl)
    expect(map(bench, mdl)).toBe('MDL-089')
  })

  it('is not what else the kernel keeps beside a structure', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, present(bench.kernel.pool.allocate(4096)).address, 4096)
    build(bench, mdl)
    expect(map(bench, mdl)).toBe('MDL-089')
  })
})
