import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { va } from '../../../../src/base/address.ts'
import { KIRQL, KPROCESSOR_MODE, MdlFlags } from '../../../../src/ddi/constants.ts'
import { Irp } from '../../../../src/ddi/io/irp.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../src/ddi/mm/mdl.ts'
import { orderPattern } from '../../../../src/memory/patterns.ts'
import { Bench, MmCached, NULL, NormalPagePriority, outcome } from '../bench.ts'

const { KernelMode, UserMode } = KPROCESSOR_MODE
const P = 4096

function header({ ddi }: Bench, address: bigint, length: number): Mdl {
  const mdl = ddi.io.IoAllocateMdl(va(address), length, false, false, null)
  if (mdl === null) throw new Error('no header')
  return mdl
}

function part(bench: Bench, source: Mdl, offset: number, length: number): Mdl {
  const start = va(MmGetMdlVirtualAddress(source) + BigInt(offset))
  const target = header(bench, start, length)
  bench.ddi.io.IoBuildPartialMdl(source, target, start, length)
  return target
}

/** Pages that hold the pattern, unmapped. */
function patterned(bench: Bench, pages: number): Mdl {
  const mdl = bench.pages(pages)
  const view = mapped(bench, mdl)
  bench.kernel.memory.write(view, orderPattern(pages * P))
  bench.ddi.mm.MmUnmapLockedPages(view, mdl)
  return mdl
}

function mapped({ ddi }: Bench, mdl: Mdl, mode: number = KernelMode): ReturnType<typeof va> {
  const view = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NULL, false, NormalPagePriority)
  if (view === null) throw new Error('no view')
  return view
}

describe('IoAllocateMdl', () => {
  it.each([
    ['a part of a byte', 0.5, 'MDL-021'],
    ['less than nothing', -1, 'MDL-021'],
  ])('refuses a length of %s', async (_, length, rule) => {
    await using bench = await Bench.open()
    expect(outcome(() => bench.ddi.io.IoAllocateMdl(NULL, length, false, false, null))).toBe(rule)
  })

  it('makes an MDL of no bytes, which cannot be mapped or cut', async () => {
    await using bench = await Bench.open()
    const mdl = header(bench, 0n, 0)
    expect(outcome(() => mapped(bench, mdl))).toBe('0xc4/0x85')
    expect(outcome(() => part(bench, mdl, 0, 0))).toBe('MDL-100')
  })

  it('returns NULL when the pool is empty, and notes why', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    expect(bench.ddi.io.IoAllocateMdl(NULL, 2 ** 31, false, false, null)).toBeNull()
    expect(bench.kernel.shortages.first?.code).toBe('out-of-memory')
    expect(bench.inUse).toEqual(before)
  })

  it('leaves the IRP alone when it returns NULL', async () => {
    await using bench = await Bench.open()
    const irp = new Irp()
    expect(bench.ddi.io.IoAllocateMdl(NULL, 2 ** 32, false, false, irp)).toBeNull()
    expect(irp.MdlAddress).toBeNull()
  })

  it('refuses a secondary buffer where there is no chain, and a chain in a circle', async () => {
    await using bench = await Bench.open()
    const irp = new Irp()
    const append = (): Mdl | null => bench.ddi.io.IoAllocateMdl(NULL, P, true, false, irp)
    expect(outcome(append)).toBe('MDL-025')
    const first = header(bench, 0n, P)
    irp.MdlAddress = first
    append()
    bench.ddi.mm.nextOf('test', first)?.header.set('Next', first.address)
    expect(outcome(append)).toBe('MDL-025')
  })

  it('is called at DISPATCH_LEVEL or below', async () => {
    await using bench = await Bench.open()
    const mdl = bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => header(bench, 0n, P))
    const free = (): void => bench.ddi.io.IoFreeMdl(mdl)
    expect(bench.kernel.at(3, () => outcome(() => header(bench, 0n, P)))).toBe('MDL-031')
    expect(bench.kernel.at(3, () => outcome(free))).toBe('MDL-031')
    expect(bench.kernel.at(3, () => outcome(() => part(bench, mdl, 0, 1)))).toBe('MDL-031')
    expect(bench.kernel.at(3, () => outcome(() => bench.ddi.mm.MmPrepareMdlForReuse(mdl)))).toBe('MDL-031')
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, free)
  })
})

describe('IoFreeMdl', () => {
  it.each<readonly [string, string, (bench: Bench) => Mdl | null]>([
    ['NULL', 'MDL-013', () => null],
    ['an MDL of MmAllocatePagesForMdlEx', 'MDL-123', (bench) => bench.pages(1)],
    [
      'one of which only the flag says that it is locked',
      'MDL-028',
      (bench) => {
        const mdl = header(bench, 0n, P)
        mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED
        return mdl
      },
    ],
    [
      'a part that a device reaches',
      'DMA-025',
      (bench) => {
        const mdl = part(bench, bench.pages(1), 0, P)
        bench.list(bench.adapter(), mdl, 0, P, true)
        return mdl
      },
    ],
  ])('refuses %s', async (_, expected, make) => {
    await using bench = await Bench.open()
    const mdl = make(bench)
    expect(outcome(() => bench.ddi.io.IoFreeMdl(mdl))).toBe(expected)
  })

  it('refuses an MDL of another session, also at the same place in its pool', async () => {
    await using one = await Bench.open()
    await using other = await Bench.open()
    const mdl = header(other, 0n, P)
    header(one, 0n, P)
    expect(outcome(() => one.ddi.io.IoFreeMdl(mdl))).toBe('MDL-013')
    expect(outcome(() => part(one, mdl, 0, 1))).toBe('MDL-013')
    other.ddi.io.IoFreeMdl(mdl)
  })

  it('takes nothing back that is not there: what is left is told at the end', async () => {
    await using bench = await Bench.open()
    const source = bench.pages(3)
    mapped(bench, part(bench, source, 10, P))
    header(bench, 0n, P)
    expect((await bench.end()).toSorted()).toEqual(['MDL-027', 'MDL-027', 'MDL-123'])
    expect(bench.frames.allocated).toBe(0)
  })
})

describe('a partial MDL', () => {
  it('shows the bytes of its part, however it was cut', async () => {
    await using bench = await Bench.open()
    const pages = 9
    const source = patterned(bench, pages)
    const cuts = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(cuts, fc.boolean(), (list, borrows) => {
        const view = borrows ? mapped(bench, source) : undefined
        let expected = orderPattern(pages * P)
        const made: Mdl[] = []
        for (const [at, rest] of list) {
          const from = at % expected.length
          const length = 1 + (rest % (expected.length - from))
          made.push(part(bench, made.at(-1) ?? source, from, length))
          expected = expected.subarray(from, from + length)
        }
        const last = made.at(-1)
        if (last === undefined) return
        const address = bench.ddi.mm.MmGetSystemAddressForMdlSafe(last, NormalPagePriority)
        expect(MmGetMdlByteCount(last)).toBe(expected.length)
        expect(bench.kernel.memory.compare(address ?? NULL, expected)).toBe(-1)
        for (const mdl of made.toReversed()) bench.ddi.io.IoFreeMdl(mdl)
        if (view !== undefined) bench.ddi.mm.MmUnmapLockedPages(view, source)
      }),
      { numRuns: 60 },
    )
    bench.free(source)
    expect(bench.kernel.memory.views).toBe(0)
  })

  it('covers a chain in pieces: together they are its bytes, in order', async () => {
    await using bench = await Bench.open()
    const chain = [2, 3, 1].map((pages) => bench.pages(pages))
    const all = orderPattern(6 * P)
    let done = 0
    for (const mdl of chain) {
      const view = mapped(bench, mdl)
      bench.kernel.memory.write(view, all.subarray(done, done + MmGetMdlByteCount(mdl)))
      bench.ddi.mm.MmUnmapLockedPages(view, mdl)
      done += MmGetMdlByteCount(mdl)
    }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 * P }), (step) => {
        const read: Uint8Array[] = []
        for (const mdl of chain) {
          for (let at = 0; at < MmGetMdlByteCount(mdl); at += step) {
            const piece = part(bench, mdl, at, Math.min(step, MmGetMdlByteCount(mdl) - at))
            read.push(bench.kernel.memory.read(mapped(bench, piece), MmGetMdlByteCount(piece)))
            bench.ddi.io.IoFreeMdl(piece)
          }
        }
        expect(Buffer.concat(read).equals(all)).toBe(true)
      }),
      { numRuns: 15, examples: [[1000], [P], [P + 1]] },
    )
    for (const mdl of chain) bench.free(mdl)
  })

  it('keeps of its flags what belongs to its own memory, and takes over what belongs to the pages', async () => {
    await using bench = await Bench.open()
    const source = bench.pages(1)
    const target = header(bench, 0n, P)
    source.MdlFlags |= MdlFlags.MDL_IO_PAGE_READ | MdlFlags.MDL_WRITE_OPERATION
    target.MdlFlags |= MdlFlags.MDL_ALLOCATED_FIXED_SIZE | MdlFlags.MDL_MAPPING_CAN_FAIL
    bench.ddi.io.IoBuildPartialMdl(source, target, NULL, 0)
    const { MDL_ALLOCATED_FIXED_SIZE, MDL_IO_PAGE_READ, MDL_PARTIAL } = MdlFlags
    expect(target.MdlFlags).toBe(MDL_ALLOCATED_FIXED_SIZE | MDL_IO_PAGE_READ | MDL_PARTIAL)
  })

  it('is not built over an MDL that describes pages of its own, or over its source', async () => {
    await using bench = await Bench.open()
    const [source, other] = [bench.pages(1), bench.pages(1)]
    expect(outcome(() => bench.ddi.io.IoBuildPartialMdl(source, other, NULL, 1))).toBe('MDL-101')
    expect(outcome(() => bench.ddi.io.IoBuildPartialMdl(source, source, NULL, 1))).toBe('MDL-101')
    const one = part(bench, source, 0, P)
    expect(outcome(() => bench.ddi.io.IoBuildPartialMdl(one, one, NULL, 1))).toBe('MDL-101')
  })

  it('is of no use once the pages of its source are given back', async () => {
    await using bench = await Bench.open()
    const source = bench.pages(2)
    const outer = part(bench, source, 0, P)
    const inner = part(bench, outer, 0, 10)
    bench.free(source)
    expect(outcome(() => mapped(bench, inner))).toBe('MDL-013')
    expect(outcome(() => part(bench, outer, 0, 10))).toBe('MDL-013')
    expect(outcome(() => bench.ddi.mm.framesOf('test', outer))).toBe('MDL-013')
    for (const mdl of [inner, outer]) bench.ddi.io.IoFreeMdl(mdl)
  })

  it('keeps the pages of its source from being given back while it is mapped, or a device reaches it', async () => {
    await using bench = await Bench.open()
    const source = bench.pages(2)
    const one = part(bench, source, 0, P)
    mapped(bench, one)
    expect(outcome(() => bench.ddi.mm.MmFreePagesFromMdl(source))).toBe('0xc4/0xb8')
    bench.ddi.mm.MmPrepareMdlForReuse(one)
    const adapter = bench.adapter()
    const { value: list } = bench.list(adapter, one, 0, P, true)
    expect(outcome(() => bench.ddi.mm.MmFreePagesFromMdl(source))).toBe('DMA-025')
    if (list !== undefined) bench.put(adapter, list, true)
    bench.free(source)
  })

  it('does not give out a borrowed view that has ended', async () => {
    await using bench = await Bench.open()
    const source = bench.pages(2)
    const view = mapped(bench, source)
    const one = part(bench, source, P, P)
    const inner = part(bench, one, 1, 1)
    bench.ddi.mm.MmUnmapLockedPages(view, source)
    for (const mdl of [one, inner]) {
      expect(outcome(() => bench.ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority))).toBe('MDL-104')
    }
  })

  it('lets go of a view in user mode by MmUnmapLockedPages', async () => {
    await using bench = await Bench.open()
    const source = patterned(bench, 2)
    const one = part(bench, source, 100, P)
    const view = mapped(bench, one, UserMode)
    expect(bench.kernel.memory.compare(view, orderPattern(2 * P).subarray(100, 100 + P))).toBe(-1)
    expect(outcome(() => bench.ddi.io.IoFreeMdl(one))).toBe('0xc4/0xb8')
    bench.ddi.mm.MmUnmapLockedPages(view, one)
    bench.ddi.io.IoFreeMdl(one)
  })
})

describe('an MDL that somebody wrote into', () => {
  it.each<readonly [string, string, string, (mdl: Mdl) => void]>([
    ['Size', 'MDL-011', 'MDL-011', (mdl) => mdl.header.set('Size', 0)],
    ['Process', 'MDL-011', 'MDL-011', (mdl) => mdl.header.set('Process', 1n << 40n)],
    ['MappedSystemVa', 'MDL-011', '0xda/0x3', (mdl) => mdl.header.set('MappedSystemVa', 4096n)],
    ['StartVa', 'MDL-011', '0xda/0x5', (mdl) => mdl.header.set('StartVa', 1n << 40n)],
    ['ByteCount, other pages', 'MDL-011', '0xda/0x2', (mdl) => mdl.header.set('ByteCount', P)],
    ['ByteCount, the same pages', 'MDL-011', 'MDL-011', (mdl) => mdl.header.set('ByteCount', 3 * P - 1)],
    ['ByteOffset', 'MDL-011', '0xda/0x2', (mdl) => mdl.header.set('ByteOffset', 1)],
    ['the first page number', 'MDL-013', '0xda/0x4', (mdl) => void (mdl.slots()[0] = 0n)],
    ['the last page number', 'MDL-013', 'MDL-013', (mdl) => void mdl.slots().copyWithin(2, 1, 2)],
  ])('is noticed: %s', async (_, unmapped, whileMapped, spoil) => {
    await using bench = await Bench.open()
    const one = bench.pages(3)
    mapped(bench, one, UserMode)
    bench.ddi.mm.MmUnmapLockedPages(mapped(bench, one), one)
    spoil(one)
    const other = bench.pages(3)
    spoil(other)
    expect(outcome(() => mapped(bench, one))).toBe(whileMapped)
    expect(outcome(() => mapped(bench, other))).toBe(unmapped)
    expect(outcome(() => bench.ddi.mm.MmFreePagesFromMdl(other))).toBe(unmapped)
  })

  it.each(['Next', 'MdlFlags'] as const)('may be: %s', async (member) => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    if (member === 'Next') mdl.header.set('Next', 5n)
    else mdl.MdlFlags |= MdlFlags.MDL_MAPPING_CAN_FAIL
    bench.free(mdl)
  })

  it.each([
    ['never', '0xda/0x6', false],
    ['no longer', '0xda/0x1', true],
  ])('is not unmapped where only its flag says that it is mapped: it %s was', async (_, expected, before) => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    if (before) bench.ddi.mm.MmUnmapLockedPages(mapped(bench, mdl), mdl)
    mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
    expect(outcome(() => bench.ddi.mm.MmUnmapLockedPages(va(P), mdl))).toBe(expected)
  })

  it('maps whatever the argument when MAPPING_CAN_FAIL is set, and gives NULL where it cannot', async () => {
    await using bench = await Bench.open()
    const mdl = bench.pages(1)
    mdl.MdlFlags |= MdlFlags.MDL_MAPPING_CAN_FAIL
    mapped(bench, mdl, UserMode)
    const map = (type: number) =>
      bench.ddi.mm.MmMapLockedPagesSpecifyCache(mdl, KernelMode, type, NULL, true, NormalPagePriority)
    expect(map(0)).toBeNull()
    expect(map(MmCached)).not.toBeNull()
  })

  it('has page numbers of its own memory only', async () => {
    await using bench = await Bench.open()
    const mdl = header(bench, 100n, P)
    expect(MmGetMdlPfnArray(mdl)).toHaveLength(2)
  })
})
