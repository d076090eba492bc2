import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Va } from '../../../../src/base/address.ts'
import { KIRQL } from '../../../../src/ddi/constants.ts'
import { FREED_BYTE } from '../../../../src/memory/frame-store.ts'
import { Bench, NULL, outcome } from '../bench.ts'
import {
  POOL_FLAG_NON_PAGED,
  POOL_FLAG_PAGED,
  POOL_FLAG_RAISE_ON_FAILURE,
  POOL_FLAG_UNINITIALIZED,
  TAG,
  plus,
  poolBlock,
  present,
} from '../driver-memory.ts'

const free = ({ ddi }: Bench, block: Va, tag = TAG): string => outcome(() => ddi.mm.ExFreePoolWithTag(block, tag))

describe('ExAllocatePool2', () => {
  it.each([
    [1, 16],
    [4080, 16],
    [4081, 4096],
    [4096, 4096],
    [3 * 4096 + 1, 4096],
  ])('aligns a block of %i bytes to %i', async (bytes, alignment) => {
    await using bench = await Bench.open()
    const blocks = [POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED].map((flags) => poolBlock(bench, bytes, flags))
    for (const block of blocks) {
      expect(Number(block % BigInt(alignment))).toBe(0)
      const pages = Number((block + BigInt(bytes) - 1n) / 4096n - block / 4096n) + 1
      expect(pages).toBe(Math.ceil(bytes / 4096))
      expect(bench.kernel.memory.compare(block, new Uint8Array(bytes))).toBe(-1)
    }
  })

  it('keeps blocks apart, in any order of allocating and freeing, and leaves nothing behind', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const step = fc.record({ take: fc.boolean(), bytes: fc.integer({ min: 1, max: 9000 }), which: fc.nat(30) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const held: { block: Va; bytes: number; byte: number }[] = []
        for (const [index, { take, bytes, which }] of steps.entries()) {
          const byte = 1 + (index % 250)
          const block = take ? poolBlock(bench, bytes, which % 2 === 0 ? POOL_FLAG_PAGED : POOL_FLAG_NON_PAGED) : NULL
          if (take) bench.kernel.memory.fill(block, bytes, byte)
          if (take) held.push({ block, bytes, byte })
          else for (const one of held.splice(which % (held.length + 1), 1)) bench.ddi.mm.ExFreePool(one.block)
          if (which % 7 === 0) bench.kernel.virtual.trim()
          for (const one of held) {
            expect(bench.kernel.memory.compare(one.block, new Uint8Array(one.bytes).fill(one.byte))).toBe(-1)
          }
        }
        for (const { block } of held) bench.ddi.mm.ExFreePool(block)
        expect(bench.inUse).toEqual(before)
      }),
      { numRuns: 30 },
    )
  })

  it.each([
    ['no kind of pool', 0],
    ['two kinds of pool', POOL_FLAG_NON_PAGED | POOL_FLAG_PAGED],
    ['a flag that there is not', POOL_FLAG_NON_PAGED | 0x1000],
  ])('gives NULL for %s, or raises when told so', async (_, flags) => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    expect(mm.ExAllocatePool2(flags, 8, TAG)).toBeNull()
    expect(outcome(() => mm.ExAllocatePool2(flags | POOL_FLAG_RAISE_ON_FAILURE, 8, TAG))).toBe('0xc000000d')
  })

  it('gives NULL without memory or a tag, or raises when told so', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const before = bench.inUse
    for (const bytes of [1000 * 4096, 2 ** 40]) {
      expect(mm.ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, TAG)).toBeNull()
      const raising = POOL_FLAG_NON_PAGED | POOL_FLAG_RAISE_ON_FAILURE
      expect(outcome(() => mm.ExAllocatePool2(raising, bytes, TAG))).toBe('0xc000009a')
    }
    expect(mm.ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 0)).toBeNull()
    expect(bench.inUse).toEqual(before)
  })

  it('refuses a block of nothing, and a level that is too high', async () => {
    await using bench = await Bench.open()
    const take = (flags: number, bytes: number): string =>
      outcome(() => bench.ddi.mm.ExAllocatePool2(flags, bytes, TAG))
    expect(take(POOL_FLAG_NON_PAGED, 0)).toBe('0xc4/0x0')
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => {
      expect(take(POOL_FLAG_PAGED, 8)).toBe('0xc4/0x1')
      expect(take(POOL_FLAG_NON_PAGED, 8)).toBe('returned')
    })
    bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => expect(take(POOL_FLAG_NON_PAGED, 8)).toBe('0xc4/0x2'))
  })
})

describe('ExFreePool and ExFreePoolWithTag', () => {
  it.each([100, 4096])('free a block of %i bytes once, by its first address', async (bytes) => {
    await using bench = await Bench.open()
    const block = poolBlock(bench, bytes)
    expect(free(bench, plus(block, 16))).toBe('0xc4/0x10')
    expect(free(bench, block, TAG + 1)).toBe('0xc2/0xa')
    expect(free(bench, block)).toBe('returned')
    expect(free(bench, block)).toBe('0xc4/0x13')
    expect(outcome(() => bench.ddi.mm.ExFreePool(block))).toBe('0xc4/0x13')
  })

  it('hold nothing of what was in their place before', async () => {
    await using bench = await Bench.open()
    const { memory } = bench.kernel
    poolBlock(bench, 64)
    const block = poolBlock(bench, 64)
    memory.fill(block, 64, 0x5c)
    bench.ddi.mm.ExFreePool(block)
    const next = poolBlock(bench, 64, POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED)
    expect(next).toBe(block)
    expect([...memory.read(next, 64)]).toEqual(Array.from({ length: 64 }, () => FREED_BYTE))
  })

  it('leave the neighbours in a page alone, and give the page back with the last of them', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const [first, second] = [poolBlock(bench, 100), poolBlock(bench, 100)]
    bench.kernel.memory.fill(second, 100, 0x21)
    free(bench, first)
    expect(bench.kernel.memory.compare(second, new Uint8Array(100).fill(0x21))).toBe(-1)
    free(bench, second)
    expect(bench.inUse).toEqual(before)
    expect(outcome(() => bench.kernel.memory.touch(second))).toBe('access-violation')
  })

  it('run at the level of the pool', async () => {
    await using bench = await Bench.open()
    const [paged, nonpaged] = [poolBlock(bench, 8, POOL_FLAG_PAGED), poolBlock(bench, 8)]
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => expect(free(bench, paged)).toBe('0xc4/0x11'))
    bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => expect(free(bench, nonpaged)).toBe('0xc4/0x12'))
  })

  it('are missed at the end', async () => {
    await using bench = await Bench.open()
    poolBlock(bench, 8)
    poolBlock(bench, 4096, POOL_FLAG_PAGED)
    expect(await bench.end()).toEqual(['VER-011', 'VER-011'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
    expect(present(bench.kernel.ledger.entries.at(-1)).bugCheck).toEqual({ code: 0xc4, parameter: 0x62 })
  })
})
