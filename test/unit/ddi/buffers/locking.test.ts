import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Va, va } from '../../../../src/base/address.ts'
import { KIRQL, MdlFlags } from '../../../../src/ddi/constants.ts'
import { EMPTY_SLOT, type Mdl, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { Protection } from '../../../../src/native/surface.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'
import {
  IoModifyAccess,
  IoReadAccess,
  IoWriteAccess,
  KernelMode,
  POOL_FLAG_PAGED,
  UserMode,
  frameNumbers,
  lock,
  mdlOver,
  pageBytes,
  plus,
  poolBlock,
  userMemory,
} from '../driver-memory.ts'

const { MDL_PAGES_LOCKED, MDL_WRITE_OPERATION, MDL_PARTIAL, MDL_IO_SPACE, MDL_MAPPED_TO_SYSTEM_VA } = MdlFlags

const mapUser = ({ ddi }: Bench, mdl: Mdl): Va | null =>
  ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NULL, false, NormalPagePriority)

describe('MmInitializeMdl', () => {
  it('takes a buffer for which its memory has room, and no longer one', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, va(0), 2 * 4096)
    expect(outcome(() => bench.ddi.mm.MmInitializeMdl(mdl, va(0), 2 * 4096 + 1))).toBe('MDL-007')
    expect(outcome(() => bench.ddi.mm.MmInitializeMdl(mdl, va(0x5000), 4096))).toBe('returned')
    expect(MmGetMdlPfnArray(mdl)).toHaveLength(1)
    expect(outcome(() => bench.ddi.mm.MmInitializeMdl(mdl, userMemory(bench, 1), 4096))).toBe('returned')
    expect(outcome(() => lock(bench, mdl))).toBe('returned')
  })

  it('does not lose pages that the MDL describes', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1), 4096)
    lock(bench, mdl)
    expect(outcome(() => bench.ddi.mm.MmInitializeMdl(mdl, va(0), 1))).toBe('MDL-008')
    bench.ddi.mm.MmUnlockPages(mdl)
    expect(outcome(() => bench.ddi.mm.MmInitializeMdl(mdl, va(0), 1))).toBe('returned')
  })
})

describe('MmProbeAndLockPages', () => {
  it('names the frames behind the addresses, from the page of the first byte on', async () => {
    await using bench = await Bench.open()
    const user = userMemory(bench, 4)
    for (const page of [0, 1, 2, 3]) bench.kernel.memory.fill(plus(user, page * 4096), 1, 10 + page)
    const mdl = mdlOver(bench, plus(user, 4096 + 100), 4096)
    lock(bench, mdl)
    expect(pageBytes(bench, mdl)).toEqual([11, 12])
    expect(mdl.MdlFlags).toBe(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION)
  })

  it.each([
    ['reading', IoReadAccess, 0],
    ['writing', IoWriteAccess, MDL_WRITE_OPERATION],
    ['modifying', IoModifyAccess, MDL_WRITE_OPERATION],
  ])('says in the flags that it is for %s', async (_, operation, flag) => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    lock(bench, mdl, UserMode, operation)
    expect(mdl.MdlFlags & MDL_WRITE_OPERATION).toBe(flag)
  })

  it.each<readonly [string, (bench: Bench) => Mdl]>([
    ['memory that is not there', (bench) => mdlOver(bench, va(bench.kernel.memory.userProbeAddress - 0x10_0000n), 1)],
    ['a byte behind the memory', (bench) => mdlOver(bench, plus(userMemory(bench, 1), 4095), 2)],
    ['read-only memory', (bench) => mdlOver(bench, userMemory(bench, 1, Protection.read), 1)],
    ['memory without access', (bench) => mdlOver(bench, userMemory(bench, 1, Protection.none), 1)],
    ['a system address with UserMode', (bench) => mdlOver(bench, poolBlock(bench, 8), 8)],
    ['a range that wraps', (bench) => mdlOver(bench, va(2n ** 64n - 1n), 2)],
    ['NULL', (bench) => mdlOver(bench, NULL, 1)],
  ])('raises STATUS_ACCESS_VIOLATION for %s, and locks nothing', async (_, make) => {
    await using bench = await Bench.open()
    const mdl = make(bench)
    const [, ...before] = bench.inUse
    expect(outcome(() => lock(bench, mdl))).toBe('0xc0000005')
    expect(mdl.has(MDL_PAGES_LOCKED)).toBe(false)
    expect(MmGetMdlPfnArray(mdl).includes(EMPTY_SLOT)).toBe(true)
    expect(bench.inUse.slice(1)).toEqual(before)
    expect(outcome(() => bench.ddi.mm.MmUnlockPages(mdl))).toBe('0xc4/0x7c')
  })

  it('locks nothing for reading that cannot be read', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1, Protection.none), 1)
    expect(outcome(() => lock(bench, mdl, UserMode, IoReadAccess))).toBe('0xc0000005')
  })

  it('locks any system memory that is there for KernelMode: pool, structures, and views of other MDLs', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(2)
    const view = bench.ddi.mm.MmGetSystemAddressForMdlSafe(pages, NormalPagePriority) ?? NULL
    for (const address of [poolBlock(bench, 100), bench.kernel.pool.allocate(8)?.address ?? NULL, plus(view, 4096)]) {
      bench.kernel.processes.free(userMemory(bench, 1))
      const mdl = mdlOver(bench, address, 8)
      lock(bench, mdl, KernelMode)
      expect(mdl.header.get('Process')).toBe(0n)
    }
    expect(frameNumbers(pages)[1]).toBe(frameNumbers(mdlLocked(bench, plus(view, 4096)))[0])
  })

  it.each([
    ['locked', MDL_PAGES_LOCKED],
    ['mapped', MDL_MAPPED_TO_SYSTEM_VA],
    ['partial', MDL_PARTIAL],
    ['of I/O space', MDL_IO_SPACE],
    ['of nonpaged pool', MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL],
  ])('refuses an MDL whose flags say that it is %s', async (_, flag) => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    mdl.MdlFlags |= flag
    expect(outcome(() => lock(bench, mdl))).toBe('0xc4/0xb0')
    const { current } = bench.kernel.processes
    const other = (): void => bench.ddi.mm.MmProbeAndLockProcessPages(mdl, current, UserMode, IoReadAccess)
    expect(outcome(other)).toBe('0xc4/0xb1')
  })

  it('refuses an MDL that is locked, also when a driver cleared the flag that says so', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    lock(bench, mdl)
    mdl.MdlFlags = 0
    expect(outcome(() => lock(bench, mdl))).toBe('0xc4/0xb0')
  })

  it('refuses an empty MDL, a page allocation and one that was freed', async () => {
    await using bench = await Bench.open()
    expect(outcome(() => lock(bench, mdlOver(bench, userMemory(bench, 1), 0)))).toBe('MDL-055')
    expect(outcome(() => lock(bench, bench.pages(1)))).toBe('0xc4/0xb0')
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    bench.ddi.mm.ExFreePool(mdl)
    expect(outcome(() => lock(bench, mdl))).toBe('MDL-013')
  })

  it('locks nonpaged memory up to DISPATCH_LEVEL, pageable memory up to APC_LEVEL', async () => {
    await using bench = await Bench.open()
    const nonpaged = mdlOver(bench, poolBlock(bench, 8), 8)
    const paged = mdlOver(bench, poolBlock(bench, 8, POOL_FLAG_PAGED), 8)
    const at = (irql: number, mdl: Mdl): string =>
      bench.kernel.at(irql, () => outcome(() => lock(bench, mdl, KernelMode)))
    expect(at(KIRQL.DISPATCH_LEVEL, paged)).toBe('0xc4/0x70')
    expect(at(KIRQL.APC_LEVEL, paged)).toBe('returned')
    expect(at(KIRQL.DISPATCH_LEVEL + 1, nonpaged)).toBe('0xc4/0x70')
    expect(at(KIRQL.DISPATCH_LEVEL, nonpaged)).toBe('returned')
  })

  it('raises when resources are low, and locks nothing', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    bench.kernel.lowResources.failCall(1)
    expect(outcome(() => lock(bench, mdl))).toBe('0xc00000a1')
    expect(MmGetMdlPfnArray(mdl)[0]).toBe(EMPTY_SLOT)
    expect(bench.kernel.virtual.trim()).toBe(1)
    expect(outcome(() => lock(bench, mdl))).toBe('returned')
  })
})

describe('MmUnlockPages', () => {
  it('ends the system view, and leaves the MDL to be locked again', async () => {
    await using bench = await Bench.open()
    const mdl = mdlLocked(bench, userMemory(bench, 1), UserMode)
    const view = bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) ?? NULL
    bench.ddi.mm.MmUnlockPages(mdl)
    expect(outcome(() => bench.kernel.memory.touch(view))).toBe('access-violation')
    expect(mdl.MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)).toBe(0)
    expect(outcome(() => lock(bench, mdl))).toBe('returned')
  })

  it('clears both flags that a lock may have set (MDL-060)', async () => {
    await using bench = await Bench.open()
    const mdl = mdlOver(bench, userMemory(bench, 1), 1)
    lock(bench, mdl)
    mdl.MdlFlags |= MDL_IO_SPACE
    bench.ddi.mm.MmUnlockPages(mdl)
    expect(mdl.MdlFlags & (MDL_PAGES_LOCKED | MDL_IO_SPACE)).toBe(0)
  })

  it('leaves numbers that mean nothing, whatever a driver writes there', async () => {
    await using bench = await Bench.open()
    const mdl = mdlLocked(bench, userMemory(bench, 2), UserMode)
    bench.ddi.mm.MmUnlockPages(mdl)
    mdl.slots().fill(7n)
    expect(outcome(() => lock(bench, mdl))).toBe('returned')
  })

  it('gives back pages that were freed meanwhile by the MDL that they came from', async () => {
    await using bench = await Bench.open()
    const pages = bench.pages(2)
    const view = bench.ddi.mm.MmGetSystemAddressForMdlSafe(pages, NormalPagePriority) ?? NULL
    const mdl = mdlOver(bench, view, 4096)
    lock(bench, mdl, KernelMode)
    const { allocated } = bench.frames
    bench.ddi.mm.MmFreePagesFromMdl(pages)
    expect(bench.frames.allocated).toBe(allocated - 1)
    bench.ddi.mm.MmUnlockPages(mdl)
    expect(bench.frames.allocated).toBe(allocated - 2)
  })

  it.each<readonly [string, string, (bench: Bench, mdl: Mdl) => void]>([
    ['a user view', 'MDL-059', (bench, mdl) => void mapUser(bench, mdl)],
    ['a list of a device', 'DMA-025', (bench, mdl) => void bench.list(bench.adapter(), mdl, 0, 1, true)],
    ['a partial MDL that is mapped', 'MDL-059', mapPart],
  ])('is refused while there is %s', async (_, rule, use) => {
    await using bench = await Bench.open()
    const mdl = mdlLocked(bench, userMemory(bench, 1), UserMode)
    use(bench, mdl)
    expect(outcome(() => bench.ddi.mm.MmUnlockPages(mdl))).toBe(rule)
  })

  it('is for what MmProbeAndLockPages locked', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const block = poolBlock(bench, 8)
    const [never, nonpaged] = [mdlOver(bench, block, 8), mdlOver(bench, block, 8)]
    mm.MmBuildMdlForNonPagedPool(nonpaged)
    expect(outcome(() => mm.MmUnlockPages(never))).toBe('0xc4/0x7c')
    expect(outcome(() => mm.MmUnlockPages(nonpaged))).toBe('0xc4/0x7d')
    expect(outcome(() => mm.MmUnlockPages(bench.pages(1)))).toBe('0xc4/0x7c')
    never.MdlFlags |= MDL_PAGES_LOCKED
    expect(outcome(() => mm.MmUnlockPages(never))).toBe('0xc4/0x7c')
    bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, () => expect(outcome(() => mm.MmUnlockPages(never))).toBe('0xc4/0x78'))
  })
})

describe('the memory of an MDL of the caller', () => {
  it('is not freed while the MDL is locked or mapped', async () => {
    await using bench = await Bench.open()
    const mdl = mdlLocked(bench, userMemory(bench, 1), UserMode)
    expect(outcome(() => bench.ddi.mm.ExFreePool(mdl))).toBe('MDL-059')
    bench.ddi.mm.MmUnlockPages(mdl)
    const high = KIRQL.DISPATCH_LEVEL + 1
    bench.kernel.at(high, () => expect(outcome(() => bench.ddi.mm.ExFreePool(mdl))).toBe('0xc4/0x12'))
    expect(outcome(() => bench.ddi.mm.ExFreePool(mdl))).toBe('returned')
    const built = mdlOver(bench, poolBlock(bench, 4096), 4096)
    bench.ddi.mm.MmBuildMdlForNonPagedPool(built)
    mapUser(bench, built)
    expect(outcome(() => bench.ddi.mm.ExFreePool(built))).toBe('0xc4/0xb8')
  })
})

describe('locks that are left at the end', () => {
  it('are written down and taken back', async () => {
    await using bench = await Bench.open()
    const mdl = mdlLocked(bench, userMemory(bench, 3), UserMode)
    bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)
    mapUser(bench, mdl)
    expect(await bench.end()).toEqual(['MDL-059'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })

  it('are taken back also when the memory was freed before, or the process has changed', async () => {
    await using bench = await Bench.open()
    const other = bench.kernel.processes.start()
    bench.kernel.in(other, () => mdlLocked(bench, userMemory(bench, 2), UserMode))
    const user = userMemory(bench, 2)
    mdlLocked(bench, user, UserMode)
    bench.kernel.processes.free(user)
    expect(await bench.end()).toEqual(['MDL-059', 'MDL-059'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })
})

describe('locks of a page', () => {
  /** Lock or unlock MDL `mdl`, or trim. */
  const step = fc.record({ act: fc.constantFrom('lock', 'unlock', 'trim'), mdl: fc.nat(5) })

  it('hold it exactly as long as there is one, in any order', async () => {
    await using bench = await Bench.open()
    const pages = 6
    const user = userMemory(bench, pages)
    const ranges = [
      [0, 6],
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 3],
      [5, 1],
    ] as const
    const mdls = ranges.map(([first, count]) => mdlOver(bench, plus(user, first * 4096), count * 4096))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const locked = new Set<number>()
        const held = (page: number): boolean =>
          [...locked].some(
            (mdl) => page >= (ranges[mdl]?.[0] ?? 0) && page < (ranges[mdl]?.[0] ?? 0) + (ranges[mdl]?.[1] ?? 0),
          )
        const framesNow = (): readonly number[] => [...(bench.kernel.virtual.at(user)?.frames ?? [])]
        for (const { act, mdl: index } of steps) {
          const mdl = mdls[index] ?? mdlOver(bench, user, 1)
          const before = framesNow()
          if (act === 'lock') expect(outcome(() => lock(bench, mdl))).toBe(locked.has(index) ? '0xc4/0xb0' : 'returned')
          if (act === 'lock') locked.add(index)
          if (act === 'unlock') {
            expect(outcome(() => bench.ddi.mm.MmUnlockPages(mdl))).toBe(locked.delete(index) ? 'returned' : '0xc4/0x7c')
          }
          if (act === 'trim') bench.kernel.virtual.trim()
          const stays = framesNow().map((frame, page) => frame === before[page])
          expect(stays).toEqual(before.map((_, page) => act !== 'trim' || held(page)))
        }
        for (const index of locked) bench.ddi.mm.MmUnlockPages(mdls[index] ?? mdlOver(bench, user, 1))
      }),
      { numRuns: 60 },
    )
  })
})

function mdlLocked(bench: Bench, address: Va, mode: number = KernelMode): Mdl {
  const block = bench.kernel.virtual.at(address)
  const mdl = mdlOver(bench, address, (block?.frames.length ?? 1) * 4096)
  lock(bench, mdl, mode)
  return mdl
}

function mapPart(bench: Bench, source: Mdl): void {
  const start = va(source.header.get('StartVa'))
  const part = bench.ddi.io.IoAllocateMdl(start, 8, false, false, null)
  if (part === null) throw new Error('no MDL')
  bench.ddi.io.IoBuildPartialMdl(source, part, start, 8)
  bench.ddi.mm.MmGetSystemAddressForMdlSafe(part, NormalPagePriority)
}
