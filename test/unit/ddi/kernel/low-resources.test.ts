import { describe, expect, it } from '@jest/globals'
import { seededRandom } from '../../../../src/base/random.ts'
import { LowResources } from '../../../../src/ddi/kernel/low-resources.ts'
import { MM_ALLOCATE } from '../../../../src/ddi/constants.ts'
import { Bench, MmCached, NULL, NormalPagePriority, TOP, ZERO, outcome } from '../bench.ts'
import { KernelMode, UserMode, present } from '../driver-memory.ts'

const struck = (resources: LowResources, calls: number): readonly boolean[] =>
  Array.from({ length: calls }, () => resources.strikes('R'))

describe('low-resources simulation', () => {
  it('strikes nobody until it is asked for, and after its end', () => {
    const resources = new LowResources()
    expect(struck(resources, 5)).not.toContain(true)
    resources.failCall(1)
    resources.end()
    expect(struck(resources, 5)).not.toContain(true)
    expect(resources.pattern()).toBeUndefined()
  })

  it('fails the call that it is told to, and names its routine', () => {
    const resources = new LowResources()
    resources.failCall(3)
    expect(struck(resources, 5)).toEqual([false, false, true, false, false])
    expect([resources.calls, resources.struck]).toEqual([5, ['R']])
    resources.failCall(1)
    expect([resources.calls, resources.struck]).toEqual([0, []])
  })

  it('fails so many calls in a hundred, 6 unless told, the same ones for the same seed', () => {
    const run = (percent?: number): readonly boolean[] => {
      const resources = new LowResources()
      resources.simulate({ random: seededRandom(5n), ...(percent === undefined ? {} : { percent }) })
      return struck(resources, 10_000)
    }
    const count = (calls: readonly boolean[]): number => calls.filter(Boolean).length
    expect(count(run())).toBeGreaterThan(500)
    expect(count(run())).toBeLessThan(700)
    expect(count(run(0))).toBe(0)
    expect(count(run(100))).toBe(10_000)
    expect(run(20)).toEqual(run(20))
  })

  it('makes each routine fail in its own way, and changes nothing then', async () => {
    await using bench = await Bench.open()
    const { mm, io } = bench.ddi
    const mdl = bench.pages(1)
    const map = (mode: number) => mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NULL, false, NormalPagePriority)
    const before = bench.inUse
    const failing = <T>(act: () => T): T => {
      bench.kernel.lowResources.failCall(1)
      return act()
    }
    expect(failing(() => mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 4096, MmCached, 0))).toBeNull()
    expect(failing(() => io.IoAllocateMdl(NULL, 8, false, false, null))).toBeNull()
    expect(failing(() => map(KernelMode))).toBeNull()
    expect(outcome(() => failing(() => map(UserMode)))).toBe('0xc000009a')
    expect(failing(() => mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority))).toBeNull()
    expect(bench.inUse).toEqual(before)
    expect(mdl.MdlFlags).toBe(2)
  })

  it('asks MmGetSystemAddressForMdlSafe once, after it has checked its caller', async () => {
    await using bench = await Bench.open()
    const { mm, io } = bench.ddi
    const { lowResources } = bench.kernel
    const [mdl, unlocked] = [bench.pages(1), io.IoAllocateMdl(NULL, 8, false, false, null)]
    if (unlocked === null) throw new Error('no MDL')
    lowResources.failCall(1)
    expect(outcome(() => mm.MmGetSystemAddressForMdlSafe(unlocked, NormalPagePriority))).toBe('0xc4/0x85')
    expect(mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)).toBeNull()
    expect([lowResources.calls, lowResources.struck]).toEqual([1, ['MmGetSystemAddressForMdlSafe']])
  })

  it('fills pages that nobody zeroes, each with its own pattern', async () => {
    await using bench = await Bench.open()
    bench.kernel.lowResources.simulate({ percent: 0, random: seededRandom(3n) })
    const flags = MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION
    const mdl = present(bench.ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, 8 * 4096, MmCached, flags))
    const view = present(bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority))
    const bytes = bench.kernel.memory.read(view, 8 * 4096)
    const first = Array.from({ length: 8 }, (_, page) => bytes[page * 4096] ?? 0)
    expect(bytes.every((byte, at) => byte === first[Math.floor(at / 4096)])).toBe(true)
    expect(first).not.toContain(0)
    expect(new Set(first).size).toBeGreaterThan(1)
  })
})
