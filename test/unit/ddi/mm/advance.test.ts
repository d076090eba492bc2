import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Va, va } from '../../../../src/base/address.ts'
import { KIRQL, KPROCESSOR_MODE, type Out } from '../../../../src/ddi/constants.ts'
import { PhysicalAddressList } from '../../../../src/ddi/mm/io-space/physical-address-list.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../src/ddi/mm/mdl.ts'
import { orderPattern } from '../../../../src/memory/patterns.ts'
import { lock, mdlOver, userMemory } from '../driver-memory.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'

const { KernelMode, UserMode } = KPROCESSOR_MODE
const P = 4096

function mapped({ ddi }: Bench, mdl: Mdl, mode: number = KernelMode): Va {
  const view = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NULL, false, NormalPagePriority)
  if (view === null) throw new Error('no view')
  return view
}

function part({ ddi }: Bench, source: Mdl, length: number): Mdl {
  const mdl = ddi.io.IoAllocateMdl(NULL, length, false, false, null)
  if (mdl === null) throw new Error('no MDL')
  ddi.io.IoBuildPartialMdl(source, mdl, NULL, length)
  return mdl
}

describe('MmAdvanceMdl', () => {
  it('always shows the rest of the buffer, in however many steps it got there', async () => {
    await using bench = await Bench.open()
    const pages = 5
    const before = bench.inUse
    fc.assert(
      fc.property(fc.array(fc.nat(3 * P), { maxLength: 5 }), fc.boolean(), (steps, partly) => {
        const source = bench.pages(pages)
        const mdl = partly ? part(bench, source, pages * P) : source
        bench.kernel.memory.write(mapped(bench, mdl), orderPattern(pages * P))
        let done = 0
        for (const step of steps) {
          const fits = done + step < pages * P
          expect(bench.ddi.mm.MmAdvanceMdl(mdl, step)).toBe(fits ? 0 : 0xc000_00f0)
          if (fits) done += step
          const address = bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) ?? NULL
          expect([MmGetMdlVirtualAddress(mdl), MmGetMdlByteCount(mdl)]).toEqual([BigInt(done), pages * P - done])
          expect(bench.kernel.memory.compare(address, orderPattern(pages * P).subarray(done))).toBe(-1)
        }
        if (partly) bench.ddi.io.IoFreeMdl(mdl)
        bench.free(source)
      }),
      { numRuns: 40 },
    )
    expect(bench.inUse).toEqual(before)
  })

  it('gives back the allocated pages that it passes', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(4)
    const before = bench.frames.allocated
    bench.ddi.mm.MmAdvanceMdl(mdl, 2 * P)
    expect(bench.frames.allocated).toBe(before - 2)
    expect(MmGetMdlPfnArray(mdl)).toHaveLength(2)
    bench.free(mdl)
  })

  it('unlocks what it passes for the process as well, which may end then', async () => {
    await using bench = await Bench.open()
    const { kernel, ddi } = bench
    const process = kernel.processes.start()
    const mdl = kernel.in(process, () => {
      const locked = mdlOver(bench, userMemory(bench, 2), 2 * P)
      lock(bench, locked)
      return locked
    })
    ddi.mm.MmAdvanceMdl(mdl, P)
    expect(outcome(() => kernel.processes.end(process))).toBe('0x76/0x0')
    expect(kernel.ledger.entries.at(-1)?.text).toBe('1 pages are locked')
    ddi.mm.MmUnlockPages(mdl)
    expect(outcome(() => kernel.processes.end(process))).toBe('returned')
  })

  it('moves a header without pages', async () => {
    await using bench = await Bench.open()
    const mdl = bench.ddi.io.IoAllocateMdl(va(0x1010), 2 * P, false, false, null)
    if (mdl === null) throw new Error('no MDL')
    expect(bench.ddi.mm.MmAdvanceMdl(mdl, P)).toBe(0)
    expect(MmGetMdlVirtualAddress(mdl)).toBe(0x2010n)
    bench.ddi.io.IoFreeMdl(mdl)
  })

  it.each([-1, 0.5, Number.NaN])('refuses %s bytes', async (bytes) => {
    await using bench = await Bench.open()
    expect(bench.ddi.mm.MmAdvanceMdl(bench.pages(1), bytes)).toBe(0xc000_00f0)
  })

  it('leaves no pages behind that somebody else sees through the MDL', async () => {
    await using bench = await Bench.open()
    const [byUser, byPart, byDevice, untouched] = [2, 2, 2, 2].map((pages) => bench.pages(pages))
    if (!byUser || !byPart || !byDevice || !untouched) throw new Error('no pages')
    mapped(bench, byUser, UserMode)
    mapped(bench, part(bench, byPart, P))
    bench.list(bench.adapter(), byDevice, 0, P, true)
    const advance = (mdl: Mdl, bytes: number): string => outcome(() => bench.ddi.mm.MmAdvanceMdl(mdl, bytes))
    expect([byUser, byPart, byDevice, untouched].map((mdl) => advance(mdl, P))).toEqual([
      'MDL-136',
      'MDL-136',
      'DMA-025',
      'returned',
    ])
    expect([byUser, byPart, byDevice].map((mdl) => advance(mdl, P - 1))).toEqual(['returned', 'returned', 'returned'])
  })

  it('leaves its view to the parts that borrow it, while it passes no page', async () => {
    await using bench = await Bench.open()
    const { mm } = bench.ddi
    const source = bench.pages(2)
    const view = mapped(bench, source)
    const cut = part(bench, source, P)
    mm.MmAdvanceMdl(source, 16)
    expect(mm.MmGetSystemAddressForMdlSafe(cut, NormalPagePriority)).toBe(view)
    mm.MmAdvanceMdl(source, P)
    expect(outcome(() => mm.MmGetSystemAddressForMdlSafe(cut, NormalPagePriority))).toBe('MDL-104')
  })

  it('makes parts stale that were cut before', async () => {
    await using bench = await Bench.open()
    const source = bench.pages(2)
    const cut = part(bench, source, P)
    bench.ddi.mm.MmAdvanceMdl(source, P)
    expect(outcome(() => mapped(bench, cut))).toBe('MDL-013')
  })

  it('leaves pages of a device where they are', async () => {
    await using bench = await Bench.open()
    const bar = bench.device.regions.find(({ kind }) => kind === 'memory')
    const block = bench.kernel.pool.allocate(16)
    if (bar === undefined || block === undefined) throw new Error('no BAR')
    const list = new PhysicalAddressList(block)
    list.entry(0).set('PhysicalAddress', bar.start)
    list.entry(0).set('NumberOfBytes', 8192n)
    const out: Out<Mdl> = {}
    bench.ddi.mm.MmAllocateMdlForIoSpace(list, 1, out)
    expect(outcome(() => out.value && bench.ddi.mm.MmAdvanceMdl(out.value, P))).toBe('MDL-136')
  })

  it('is called at DISPATCH_LEVEL or below', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    expect(bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => bench.ddi.mm.MmAdvanceMdl(mdl, 1))).toBe(0)
    const above = (): string => outcome(() => bench.ddi.mm.MmAdvanceMdl(mdl, 1))
    expect(bench.kernel.at(KIRQL.DISPATCH_LEVEL + 1, above)).toBe('MDL-136')
  })
})
