import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { seededRandom } from '../../../../src/base/random.ts'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../../src/backend/loopback/device.ts'
import { KPROCESSOR_MODE, MM_ALLOCATE, MdlFlags } from '../../../../src/ddi/constants.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { FrameStore } from '../../../../src/memory/frame-store.ts'
import { loadNative } from '../../../../src/native/load.ts'
import { Windows } from '../../../../src/session/windows.ts'
import { MmCached, NULL, NormalPagePriority, TOP, ZERO, outcome } from '../bench.ts'

const LIMIT = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'))
const { KernelMode, UserMode } = KPROCESSOR_MODE

const mappingsOfThisProcess = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length

const runsIn = (mdl: Mdl): number => {
  const numbers = MmGetMdlPfnArray(mdl)
  return numbers.reduce((runs, pfn, i) => runs + Number(i === 0 || pfn !== (numbers[i - 1] ?? 0n) + 1n), 0)
}

/** A Windows over so many frames that their runs are more than one process may map. Linux only lets it be raised. */
async function open() {
  const random = seededRandom(1n)
  const device = openLoopback('loopback:edu', { clock: new VirtualClock(), random: () => random.below(2 ** 32) })
  const frames = new FrameStore({ native: loadNative().memory, frames: 2 * LIMIT, random })
  const windows = await Windows.open({ device, frames, poolPages: 1024 })
  const close = async (): Promise<void> => {
    await windows.close()
    device.close()
    frames.close()
  }
  return { frames, kernel: windows.kernel, ...windows.ddi, close, [Symbol.asyncDispose]: close }
}

// A machine that allows very many has none of this; then there is not so much memory either.
const limited = LIMIT <= 2 ** 17 ? describe : describe.skip

limited('an MDL of more runs than a process may map', () => {
  it('gives NULL or a raised status, says why, and leaves nothing half mapped', async () => {
    await using bench = await open()
    const { frames, io, kernel, mm } = bench
    const bytes = Math.ceil(LIMIT * 1.6) * 4096
    const flags = MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION
    const mdl = mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, bytes, MmCached, flags)
    if (mdl === null) throw new Error('no pages')
    expect(runsIn(mdl)).toBeGreaterThan(LIMIT)
    const before = { maps: mappingsOfThisProcess(), views: kernel.memory.views }
    const map = (mode: number) => mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NULL, false, NormalPagePriority)

    expect(map(KernelMode)).toBeNull()
    expect(kernel.shortages.first?.message).toContain('vm.max_map_count')
    expect(outcome(() => map(UserMode))).toBe('0xc0000017')

    expect(mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)).toBe(false)
    expect(mm.isMapped(mdl)).toBe(false)
    expect(kernel.memory.views).toBe(before.views)
    expect(mappingsOfThisProcess()).toBeLessThan(before.maps + 100)

    // The frames keep no caching type of the views that were never there, and smaller views are made as before.
    const part = io.IoAllocateMdl(NULL, 64 * 4096, false, false, null)
    if (part === null) throw new Error('no MDL')
    io.IoBuildPartialMdl(mdl, part, NULL, 64 * 4096)
    expect(mm.MmMapLockedPagesSpecifyCache(part, KernelMode, 0, NULL, false, NormalPagePriority)).not.toBeNull()
    io.IoFreeMdl(part)
    mm.MmFreePagesFromMdl(mdl)
    mm.ExFreePool(mdl)
    expect(frames.allocated).toBe(1024)
  }, 60_000)
})
