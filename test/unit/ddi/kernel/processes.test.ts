import { describe, expect, it } from '@jest/globals'
import { KIRQL, type Out } from '../../../../src/ddi/constants.ts'
import type { Process } from '../../../../src/ddi/kernel/processes.ts'
import { Protection } from '../../../../src/native/surface.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'
import { KernelMode, UserMode, lock, mdlOver, plus, poolBlock, present, userMemory } from '../driver-memory.ts'

describe('user memory', () => {
  it('is zeroed, below the probe address, and writable unless told', async () => {
    await using bench = await Bench.open()
    bench.free(bench.pages(400))
    const [user, readOnly] = [userMemory(bench, 3), userMemory(bench, 1, Protection.read)]
    expect(plus(user, 3 * 4096)).toBeLessThanOrEqual(bench.kernel.memory.userProbeAddress)
    expect(bench.kernel.memory.compare(user, new Uint8Array(3 * 4096))).toBe(-1)
    expect(outcome(() => bench.kernel.memory.fill(user, 1, 1))).toBe('returned')
    expect(outcome(() => bench.kernel.memory.fill(readOnly, 1, 1))).toBe('access-violation')
  })

  it('takes a free address that is asked for', async () => {
    await using bench = await Bench.open()
    const { processes } = bench.kernel
    const at = userMemory(bench, 2)
    expect(outcome(() => processes.allocate({ bytes: 1, at }))).toBe('range-outside')
    processes.free(at)
    expect(processes.allocate({ bytes: 1, at })).toBe(at)
  })

  it('is refused when there is none, and nothing is kept', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    expect(bench.kernel.processes.allocate({ bytes: 1000 * 4096 })).toBeUndefined()
    expect(bench.inUse).toEqual(before)
  })

  it('belongs to its process: in another context it is neither read, locked nor freed', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const other = kernel.processes.start()
    const theirs = kernel.in(other, () => userMemory(bench, 1))
    expect(outcome(() => kernel.memory.read(theirs, 1))).toBe('access-violation')
    expect(outcome(() => lock(bench, mdlOver(bench, theirs, 1)))).toBe('0xc0000005')
    expect(outcome(() => kernel.processes.free(theirs))).toBe('MDL-085')
    expect(outcome(() => kernel.in(other, () => kernel.memory.fill(theirs, 1, 1)))).toBe('returned')
    expect(outcome(() => kernel.in(other, () => kernel.processes.free(theirs)))).toBe('returned')
  })

  it('is freed once, and only from its first address', async () => {
    await using bench = await Bench.open()
    const { processes } = bench.kernel
    const user = userMemory(bench, 2)
    expect(outcome(() => processes.free(plus(user, 4096)))).toBe('MDL-085')
    expect(outcome(() => processes.free(poolBlock(bench, 4096)))).toBe('MDL-085')
    processes.free(user)
    expect(outcome(() => processes.free(user))).toBe('MDL-085')
  })
})

describe('attaching to a process', () => {
  it('comes back in order only', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const caller = kernel.processes.current
    const [first, second] = [kernel.processes.start(), kernel.processes.start()]
    const states: [Out<Process>, Out<Process>] = [{}, {}]
    kernel.KeStackAttachProcess(first, states[0])
    kernel.KeStackAttachProcess(second, states[1])
    expect(kernel.processes.current).toBe(second)
    expect(outcome(() => kernel.KeUnstackDetachProcess(states[0]))).toBe('MDL-085')
    kernel.KeUnstackDetachProcess(states[1])
    expect(kernel.processes.current).toBe(first)
    kernel.KeUnstackDetachProcess(states[0])
    expect(kernel.processes.current).toBe(caller)
    expect(outcome(() => kernel.KeUnstackDetachProcess(states[0]))).toBe('MDL-085')
  })

  it('comes back from an action that fails, too', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const caller = kernel.processes.current
    const fail = (): never => {
      throw new Error('failed')
    }
    expect(() => kernel.in(kernel.processes.start(), fail)).toThrow('failed')
    expect(kernel.processes.current).toBe(caller)
  })

  it('that an action did not leave hides nothing that the action failed with', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const act = (): unknown =>
      kernel.in(kernel.processes.start(), () => {
        kernel.KeStackAttachProcess(kernel.processes.start(), {})
        throw new Error('mine')
      })
    const errors = (): string => {
      try {
        return String(act())
      } catch (error) {
        return String((error as AggregateError).errors)
      }
    }
    expect(errors()).toMatch(/mine.*MDL-085/s)
  })

  it('is for processes that have not ended, below DISPATCH_LEVEL', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const process = kernel.processes.start()
    const attach = (): void => kernel.KeStackAttachProcess(process, {})
    kernel.at(KIRQL.DISPATCH_LEVEL, () => expect(outcome(attach)).toBe('MDL-085'))
    kernel.processes.end(process)
    expect(outcome(attach)).toBe('MDL-085')
  })

  it('shows a view as it was protected', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const other = kernel.processes.start()
    const readOnly = kernel.in(other, () => userMemory(bench, 1, Protection.read))
    kernel.in(other, () => {
      expect(outcome(() => kernel.memory.read(readOnly, 1))).toBe('returned')
      expect(outcome(() => kernel.memory.fill(readOnly, 1, 1))).toBe('access-violation')
    })
  })

  it('that was not undone is written down, as is a level that was left', async () => {
    await using bench = await Bench.open()
    bench.kernel.KeStackAttachProcess(bench.kernel.processes.start(), {})
    bench.kernel.KeRaiseIrql(KIRQL.DISPATCH_LEVEL)
    userMemory(bench, 0.5)
    expect(await bench.end()).toEqual(['VER-013', 'MDL-085'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })
})

describe('the end of a process', () => {
  it('takes its memory and its views along', async () => {
    await using bench = await Bench.open()
    const { kernel, ddi } = bench
    const mdl = bench.pages(1)
    const before = bench.inUse
    const process = kernel.processes.start()
    kernel.in(process, () => {
      userMemory(bench, 3)
      ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NULL, false, NormalPagePriority)
    })
    kernel.processes.end(process)
    expect(bench.inUse).toEqual(before)
    expect(outcome(() => bench.free(mdl))).toBe('returned')
  })

  it('is refused with locked pages, in its own context, and a second time', async () => {
    await using bench = await Bench.open()
    const { kernel, ddi } = bench
    const process = kernel.processes.start()
    const mdl = kernel.in(process, () => mdlOver(bench, userMemory(bench, 2), 2 * 4096))
    ddi.mm.MmProbeAndLockProcessPages(mdl, process, UserMode, 0)
    expect(outcome(() => kernel.processes.end(process))).toBe('0x76/0x0')
    ddi.mm.MmUnlockPages(mdl)
    kernel.in(process, () => expect(outcome(() => kernel.processes.end(process))).toBe('MDL-085'))
    expect(outcome(() => kernel.processes.end(kernel.processes.current))).toBe('MDL-085')
    expect(outcome(() => kernel.processes.end(process))).toBe('returned')
    expect(outcome(() => kernel.processes.end(process))).toBe('MDL-085')
  })

  it('leaves memory alone that the driver locked and the process freed before', async () => {
    await using bench = await Bench.open()
    const user = userMemory(bench, 2)
    bench.kernel.memory.fill(user, 2 * 4096, 0x6e)
    const mdl = mdlOver(bench, user, 2 * 4096)
    lock(bench, mdl)
    const view = present(bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority))
    const { allocated } = bench.frames
    bench.kernel.processes.free(user)
    expect(bench.frames.allocated).toBe(allocated)
    expect(bench.kernel.memory.compare(view, new Uint8Array(2 * 4096).fill(0x6e))).toBe(-1)
    bench.ddi.mm.MmUnlockPages(mdl)
    expect(bench.frames.allocated).toBe(allocated - 2)
    // The frames are anybody's now, and no longer kept by a lock that has ended.
    const count = 512 - bench.frames.allocated
    const all = present(bench.ddi.mm.MmGetSystemAddressForMdlSafe(bench.pages(count), NormalPagePriority))
    const again = mdlOver(bench, all, count * 4096)
    lock(bench, again, KernelMode)
    const held = bench.frames.allocated
    bench.ddi.mm.MmUnlockPages(again)
    expect(bench.frames.allocated).toBe(held)
  })
})

describe('unmapping a user view', () => {
  it('is for the process that it belongs to', async () => {
    await using bench = await Bench.open()
    const { kernel, ddi } = bench
    const mdl = bench.pages(1)
    const process = kernel.processes.start()
    const map = () => ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NULL, false, NormalPagePriority)
    const view = present(kernel.in(process, map))
    expect(outcome(() => ddi.mm.MmUnmapLockedPages(view, mdl))).toBe('MDL-085')
    expect(outcome(() => kernel.in(process, () => ddi.mm.MmUnmapLockedPages(view, mdl)))).toBe('returned')
  })
})
