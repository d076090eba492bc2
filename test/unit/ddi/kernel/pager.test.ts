import { describe, expect, it } from '@jest/globals'
import { Protection } from '../../../../src/native/surface.ts'
import { Bench, outcome } from '../bench.ts'
import {
  POOL_FLAG_PAGED,
  KernelMode,
  frameNumbers,
  lock,
  mdlOver,
  plus,
  poolBlock,
  present,
  userMemory,
} from '../driver-memory.ts'

describe('the pager', () => {
  it('moves every pageable page, and what it holds is where it was', async () => {
    await using bench = await Bench.open()
    const { virtual, memory } = bench.kernel
    const blocks = [userMemory(bench, 3), poolBlock(bench, 2 * 4096, POOL_FLAG_PAGED)]
    const bytes = Uint8Array.from({ length: 2 * 4096 }, (_, i) => i * 7)
    const before = blocks.map((block) => {
      memory.write(block, bytes)
      return [...present(virtual.at(block)).frames]
    })
    expect(virtual.trim()).toBe(5)
    for (const [i, block] of blocks.entries()) {
      const { frames } = present(virtual.at(block))
      expect(frames.some((frame) => before[i]?.includes(frame))).toBe(false)
      expect(memory.compare(block, bytes)).toBe(-1)
      memory.fill(block, 1, 0x99)
      expect(bench.frames.read((frames[0] ?? 0) * 4096, 1)[0]).toBe(0x99)
    }
  })

  it('leaves nonpaged pool alone, and what is locked', async () => {
    await using bench = await Bench.open()
    poolBlock(bench, 4096)
    const paged = poolBlock(bench, 3 * 4096, POOL_FLAG_PAGED)
    const mdl = mdlOver(bench, plus(paged, 4096), 1)
    lock(bench, mdl, KernelMode)
    const [frame] = frameNumbers(mdl)
    expect(bench.kernel.virtual.trim()).toBe(2)
    expect(bench.frames.indexOf(frame ?? -1)).toBe(bench.kernel.virtual.at(paged)?.frames[1])
  })

  it('gives the old frames back', async () => {
    await using bench = await Bench.open()
    userMemory(bench, 10)
    const before = bench.inUse
    bench.kernel.virtual.trim()
    expect(bench.inUse).toEqual(before)
  })

  it('moves as many as there are free frames for', async () => {
    await using bench = await Bench.open()
    const user = userMemory(bench, 300)
    bench.kernel.memory.fill(user, 300 * 4096, 0x17)
    const free = 512 - bench.frames.allocated
    expect(bench.kernel.virtual.trim()).toBe(free)
    expect(bench.kernel.memory.compare(user, new Uint8Array(300 * 4096).fill(0x17))).toBe(-1)
  })

  it('keeps protection, and memory of another process hidden', async () => {
    await using bench = await Bench.open()
    const { kernel } = bench
    const other = kernel.processes.start()
    const theirs = kernel.in(other, () => userMemory(bench, 1))
    const readOnly = userMemory(bench, 1, Protection.read)
    kernel.virtual.trim()
    expect(outcome(() => kernel.memory.read(theirs, 1))).toBe('access-violation')
    expect(outcome(() => kernel.memory.read(readOnly, 1))).toBe('returned')
    expect(outcome(() => kernel.memory.fill(readOnly, 1, 1))).toBe('access-violation')
    expect(outcome(() => kernel.in(other, () => kernel.memory.fill(theirs, 1, 1)))).toBe('returned')
  })
})
