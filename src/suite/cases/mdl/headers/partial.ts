import { type Va, va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MdlFlags } from '../../../../ddi/constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  KernelMode,
  MmCached,
  MmNonCached,
  NO_ADDRESS,
  NormalPagePriority,
  allocate,
  mapSystem,
  mustGetList,
  openAdapter,
  putList,
  release,
} from '../../parts/buffers.ts'
import { lockedUser, unlockAndFree, userMemory } from '../../parts/driver-memory.ts'
import { allocateHeader, allocatePart, positionIn, systemAddress } from '../../parts/headers.ts'
import { walkList } from '../../parts/home-bytes.ts'

const { MDL_MAPPED_TO_SYSTEM_VA, MDL_PARTIAL, MDL_PARTIAL_HAS_BEEN_MAPPED, MDL_PAGES_LOCKED } = MdlFlags

/** Pages of a source, and a part that begins and ends inside pages of it. */
const PAGES = 6
const START = PAGE_SIZE + 100
const LENGTH = 3 * PAGE_SIZE

export const partialCases: readonly Case[] = [
  {
    id: 'mdl/part-describes-the-same-frames',
    title: "a partial MDL has its part's address, length and page numbers, whether cut from an MDL or from a part",
    rules: ['MDL-100', 'MDL-102', 'MDL-103'],
    run: (context) => {
      const { ddi } = context
      const source = filled(context)
      const part = allocatePart(context, source, START, LENGTH)
      checkPart(context, part, source, { offset: START, length: LENGTH })
      const inner = allocatePart(context, part, PAGE_SIZE - 150, 200)
      checkPart(context, inner, source, { offset: START + PAGE_SIZE - 150, length: 200 })
      for (const mdl of [inner, part]) ddi.io.IoFreeMdl(mdl)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-to-the-end',
    title: 'a length of 0 makes a part of everything from its start to the end of the source',
    rules: ['MDL-100'],
    run: (context) => {
      const { check, ddi } = context
      const source = filled(context)
      const rest = PAGES * PAGE_SIZE - START
      const part = allocateHeader(context, positionIn(source, START), rest)
      ddi.io.IoBuildPartialMdl(source, part, positionIn(source, START), 0)
      check.equal(MmGetMdlByteCount(part), rest, 'ByteCount')
      checkPart(context, part, source, { offset: START, length: rest })
      ddi.io.IoFreeMdl(part)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-inside-its-source',
    title: 'a part that is not inside its source is bug check 0x12E, one of pages that are not locked is refused',
    rules: ['MDL-100'],
    run: (context) => {
      const { check, ddi } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      const part = allocatePart(context, source, START, LENGTH)
      const target = allocateHeader(context, va(0), PAGES * PAGE_SIZE)
      const address = Number(part.address)
      const outside = (what: string, offset: number, length: number): void =>
        check.bugCheck(0x12e, address, what, () =>
          ddi.io.IoBuildPartialMdl(part, target, positionIn(part, offset), length),
        )
      outside('a byte before the start', -1, 2)
      outside('a byte past the end', LENGTH - 1, 2)
      outside('from the end on', LENGTH, 0)
      outside('2^32 - 1 bytes', 0, 0xffff_ffff)
      const unlocked = allocateHeader(context, va(0x1000), PAGE_SIZE)
      const cut = () => ddi.io.IoBuildPartialMdl(unlocked, target, va(0x1000), 1)
      check.callerError('MDL-100', 'pages that are not locked', cut)
      check.ok(!target.has(MDL_PARTIAL), 'the target is none after all that')
      for (const mdl of [unlocked, target, part]) ddi.io.IoFreeMdl(mdl)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-needs-room',
    title: 'a target without room for all page numbers of the part is refused, one with room keeps its own size',
    rules: ['MDL-101'],
    run: (context) => {
      const { check, ddi } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      // As many bytes as two pages have, but in three of them.
      const target = allocateHeader(context, va(0), 2 * PAGE_SIZE)
      const size = target.header.get('Size')
      const build = (offset: number) => () =>
        ddi.io.IoBuildPartialMdl(source, target, positionIn(source, offset), 2 * PAGE_SIZE)
      check.callerError('MDL-101', 'three pages in a target for two', build(1))
      build(PAGE_SIZE)()
      check.equal(MmGetMdlPfnArray(target).length, 2, 'page numbers')
      check.equal(target.header.get('Size'), size, 'Size')
      ddi.io.IoFreeMdl(target)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-borrows-the-mapping',
    title: "a part of a mapped MDL has the source's view at its offset, and makes none of its own",
    rules: ['MDL-104'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      const view = mapSystem(context, source)
      const before = kernel.memory.views
      const part = allocatePart(context, source, START, LENGTH)
      check.ok(part.has(MDL_MAPPED_TO_SYSTEM_VA), 'MAPPED_TO_SYSTEM_VA')
      check.ok(!part.has(MDL_PARTIAL_HAS_BEEN_MAPPED), 'PARTIAL_HAS_BEEN_MAPPED is clear')
      check.equal(part.header.get('MappedSystemVa'), view + BigInt(START), 'MappedSystemVa')
      check.equal(systemAddress(context, part), view + BigInt(START), 'the system address')
      check.equal(kernel.memory.views, before, 'views')
      ddi.mm.MmPrepareMdlForReuse(part)
      ddi.io.IoFreeMdl(part)
      kernel.memory.fill(view, PAGE_SIZE, 0x21)
      check.filled(kernel.memory.read(view, PAGE_SIZE), 0x21, "the source's view after the part is gone")
      release(context, source)
    },
  },
  {
    id: 'mdl/part-maps-on-demand',
    title: 'a part of an MDL without a mapping gets one when it is asked for, and IoFreeMdl ends it',
    rules: ['MDL-104', 'MDL-028', 'MDL-073', 'MDL-087'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const source = filled(context)
      const before = kernel.memory.views
      const part = allocatePart(context, source, START, LENGTH)
      check.ok(!part.has(MDL_MAPPED_TO_SYSTEM_VA), 'it starts unmapped')
      const view = systemAddress(context, part)
      check.equal(kernel.memory.views, before + 1, 'views')
      check.ok(part.has(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED), 'both flags are set')
      check.equal(view % BigInt(PAGE_SIZE), BigInt(START % PAGE_SIZE), 'offset within the page')
      check.ok(!source.has(MDL_MAPPED_TO_SYSTEM_VA), 'the source stays unmapped')
      check.bytes(kernel.memory.read(view, LENGTH), pattern().subarray(START, START + LENGTH), 'what it shows')
      check.equal(systemAddress(context, part), view, 'the second call')
      ddi.io.IoFreeMdl(part)
      check.refused('access-violation', 'a load after IoFreeMdl', () => kernel.memory.touch(view))
      release(context, source)
    },
  },
  {
    id: 'mdl/part-shares-with-its-source',
    title: 'a store through a part is seen through its source and by the device, and the other way round',
    rules: ['MDL-104', 'MDL-090'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      const part = allocatePart(context, source, START, LENGTH)
      const [partView, sourceView] = [systemAddress(context, part), mapSystem(context, source)]
      const at = (view: Va, offset: number): Va => va(view + BigInt(offset))
      const bytes = orderPattern(200, 3)
      kernel.memory.write(at(partView, PAGE_SIZE - 150), bytes)
      check.bytes(kernel.memory.read(at(sourceView, START + PAGE_SIZE - 150), 200), bytes, 'through the source')
      const adapter = openAdapter(context)
      const request = { offset: PAGE_SIZE - 150, length: 200, writeToDevice: true }
      const list = mustGetList(context, adapter, part, request)
      check.bytes(await engine.read(walkList(context, list), { signal }), bytes, 'as the device read the part')
      putList(context, adapter, list, true)
      const back = orderPattern(200, 4)
      kernel.memory.write(at(sourceView, START + 2 * PAGE_SIZE - 50), back)
      check.bytes(kernel.memory.read(at(partView, 2 * PAGE_SIZE - 50), 200), back, 'through the part')
      ddi.io.IoFreeMdl(part)
      release(context, source)
    },
  },
  {
    id: 'mdl/prepare-for-reuse',
    title: "MmPrepareMdlForReuse ends a part's own mapping, and no other one",
    rules: ['MDL-105', 'MDL-087'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      const part = allocatePart(context, source, START, LENGTH)
      const own = systemAddress(context, part)
      ddi.mm.MmPrepareMdlForReuse(part)
      check.refused('access-violation', 'a load through the old view', () => kernel.memory.touch(own))
      check.equal(part.MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED), 0, 'both flags')
      const view = mapSystem(context, source)
      ddi.io.IoBuildPartialMdl(source, part, positionIn(source, 0), PAGE_SIZE)
      ddi.mm.MmPrepareMdlForReuse(part)
      ddi.mm.MmPrepareMdlForReuse(source)
      kernel.memory.touch(view)
      check.equal(systemAddress(context, source), view, "the source's mapping after both calls")
      ddi.io.IoFreeMdl(part)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-is-rebuilt-after-prepare',
    title: 'a part is not rebuilt over a mapping of its own; after MmPrepareMdlForReuse it shows the new part',
    rules: ['MDL-106'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const source = filled(context)
      const part = allocatePart(context, source, START, LENGTH)
      systemAddress(context, part)
      const rebuild = (): void => ddi.io.IoBuildPartialMdl(source, part, positionIn(source, 2 * PAGE_SIZE), 300)
      check.callerError('MDL-106', 'rebuilding it while it is mapped', rebuild)
      ddi.mm.MmPrepareMdlForReuse(part)
      rebuild()
      const bytes = kernel.memory.read(systemAddress(context, part), 300)
      check.bytes(bytes, pattern().subarray(2 * PAGE_SIZE, 2 * PAGE_SIZE + 300), 'what it shows then')
      ddi.io.IoFreeMdl(part)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-is-not-unmapped',
    title: 'MmUnmapLockedPages of a partial MDL is bug check 0xC4/0xB5, with its own mapping as with a borrowed one',
    rules: ['MDL-107', 'VER-012/0xB5'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      const part = allocatePart(context, source, START, LENGTH)
      const own = systemAddress(context, part)
      const unmap = (view: Va) => () => ddi.mm.MmUnmapLockedPages(view, part)
      check.bugCheck(0xc4, 0xb5, 'its own mapping', unmap(own))
      kernel.memory.touch(own)
      ddi.mm.MmPrepareMdlForReuse(part)
      const view = mapSystem(context, source)
      ddi.io.IoBuildPartialMdl(source, part, positionIn(source, 0), PAGE_SIZE)
      check.bugCheck(0xc4, 0xb5, 'the mapping of its source', unmap(view))
      kernel.memory.touch(view)
      ddi.io.IoFreeMdl(part)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-has-the-caching-type-of-its-frames',
    title:
      'while a part is mapped, its source is not mapped with another caching type, nor another part that shares a frame',
    rules: ['MDL-081', 'MDL-082'],
    run: (context) => {
      const { check, ddi } = context
      const source = allocate(context, PAGES * PAGE_SIZE)
      const [part, beside, apart] = [
        allocatePart(context, source, START, PAGE_SIZE),
        allocatePart(context, source, 2 * PAGE_SIZE + 200, PAGE_SIZE),
        allocatePart(context, source, 4 * PAGE_SIZE, PAGE_SIZE),
      ] as const
      const mapAs = (mdl: Mdl, type: number): Va | null =>
        ddi.mm.MmMapLockedPagesSpecifyCache(mdl, KernelMode, type, NO_ADDRESS, false, NormalPagePriority)
      check.present(mapAs(part, MmNonCached), 'a part, not cached')
      check.absent(mapAs(source, MmCached), 'the source, cached')
      check.absent(mapAs(beside, MmCached), 'a part that shares a frame, cached')
      check.present(mapAs(apart, MmCached), 'a part that shares none, cached')
      ddi.mm.MmPrepareMdlForReuse(part)
      check.present(mapAs(beside, MmCached), 'a part that shared a frame, once the other is unmapped')
      for (const mdl of [part, beside, apart]) ddi.io.IoFreeMdl(mdl)
      release(context, source)
    },
  },
  {
    id: 'mdl/part-is-not-unlocked',
    title: 'MmUnlockPages of a partial MDL is bug check 0xC4/0xB4, and its source stays locked',
    rules: ['MDL-107', 'VER-012/0xB4'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const base = userMemory(context, 2 * PAGE_SIZE)
      const source = lockedUser(context, base, 2 * PAGE_SIZE)
      const part = allocatePart(context, source, 100, PAGE_SIZE)
      check.bugCheck(0xc4, 0xb4, 'unlocking the part', () => ddi.mm.MmUnlockPages(part))
      check.ok(source.has(MDL_PAGES_LOCKED), "the source's PAGES_LOCKED")
      const frame = check.present(context.frames.indexOf(Number(MmGetMdlPfnArray(part)[0])), 'the first frame')
      check.equal(kernel.locks.count(frame), 1, 'locks of it')
      ddi.io.IoFreeMdl(part)
      unlockAndFree(context, source)
      kernel.processes.free(base)
    },
  },
]

const pattern = (): Uint8Array => orderPattern(PAGES * PAGE_SIZE)

/** Pages that hold the pattern, and have no view. */
function filled(context: Context): Mdl {
  const mdl = allocate(context, PAGES * PAGE_SIZE)
  const view = mapSystem(context, mdl)
  context.kernel.memory.write(view, pattern())
  context.ddi.mm.MmUnmapLockedPages(view, mdl)
  return mdl
}

/** Header and page numbers of a part; `offset` counts from the source's start (MDL-102, MDL-103). */
function checkPart(
  { check }: Context,
  part: Mdl,
  source: Mdl,
  { offset, length }: { readonly offset: number; readonly length: number },
): void {
  const start = MmGetMdlVirtualAddress(source) + BigInt(offset)
  check.equal(MmGetMdlVirtualAddress(part), start, 'the virtual address')
  check.equal(MmGetMdlByteCount(part), length, 'ByteCount')
  check.ok(part.has(MDL_PARTIAL), 'PARTIAL')
  check.ok(!part.has(MDL_PAGES_LOCKED), 'PAGES_LOCKED is not inherited')
  const first = Math.floor(offset / PAGE_SIZE)
  const count = Math.floor((offset + length - 1) / PAGE_SIZE) - first + 1
  check.equal(MmGetMdlPfnArray(part).length, count, 'page numbers')
  const numbers = MmGetMdlPfnArray(source)
  MmGetMdlPfnArray(part).forEach((pfn, i) => check.equal(pfn, numbers[first + i], `page number ${i}`))
}
