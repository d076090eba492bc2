import { physicalAddress, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MdlFlags } from '../../../ddi/constants.ts'
import { MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import type { Case } from '../../case.ts'
import {
  ANYWHERE,
  MmCached,
  MmNonCached,
  MmWriteCombined,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  ZERO,
  allocate,
  release,
  spoilFreePages,
} from '../parts/buffers.ts'
import { frameBytes } from '../parts/home-bytes.ts'

const PAGE = BigInt(PAGE_SIZE)

export const portCases: readonly Case[] = [
  {
    id: 'wavert/fewer-pages-than-asked',
    title: 'AllocatePagesForMdl may give fewer pages, which ByteCount tells; they are zeroed, locked and not mapped',
    rules: ['WRT-010'],
    run: (context) => {
      const { check, ddi, kernel } = context
      spoilFreePages(context)
      const { portcls } = ddi
      kernel.lowResources.failCall(1)
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 8 * PAGE_SIZE - 100), 'some of the pages')
      kernel.lowResources.end()
      const bytes = MmGetMdlByteCount(mdl)
      check.ok(bytes > 0 && bytes < 8 * PAGE_SIZE, `ByteCount of a short result: ${bytes}`)
      check.equal(bytes % PAGE_SIZE, 0, 'ByteCount of a short result, in its last page')
      check.equal(portcls.GetPhysicalPagesCount(mdl) * PAGE_SIZE, bytes, 'bytes in the pages of a short result')
      check.ok(mdl.has(MdlFlags.MDL_PAGES_LOCKED), 'the pages are locked')
      check.ok(!mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA), 'the pages have no mapping')
      for (const [page, pfn] of MmGetMdlPfnArray(mdl).entries())
        check.filled(frameBytes(context, pfn), 0, `page ${page} of a short result`)
      portcls.FreePagesFromMdl(mdl)
      const rest = kernel.shortages.provoke(['out-of-memory'], () =>
        portcls.AllocatePagesForMdl(ANYWHERE, 0xffff_f000),
      ).result
      const all = check.present(rest, 'all pages that there are')
      check.ok(MmGetMdlByteCount(all) < 0xffff_f000, 'there are fewer than 4 GiB')
      check.absent(portcls.AllocatePagesForMdl(ANYWHERE, PAGE_SIZE), 'a page when there is none')
      portcls.FreePagesFromMdl(all)
    },
  },
  {
    id: 'wavert/limit-below-the-memory',
    title: 'where no page lies within the bounds, both allocations give NULL',
    rules: ['WRT-010', 'WRT-011'],
    run: ({ check, ddi: { portcls } }) => {
      const below = physicalAddress(PAGE - 2n)
      check.absent(portcls.AllocatePagesForMdl(below, PAGE_SIZE), 'pages below HighAddress')
      check.absent(portcls.AllocateContiguousPagesForMdl(ZERO, below, PAGE_SIZE), 'adjacent pages below HighAddress')
      check.absent(portcls.AllocateContiguousPagesForMdl(ANYWHERE, ZERO, PAGE_SIZE), 'pages in crossed bounds')
      check.absent(portcls.AllocatePagesForMdl(ANYWHERE, 0), 'no bytes')
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 1), 'pages for a byte, anywhere')
      portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/port-owns-its-mdls',
    title: 'FreePagesFromMdl frees pages and MDL together; neither do Mm routines take them, nor the port others',
    rules: ['WRT-013', 'WRT-014'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { mm, portcls } = ddi
      const before = [kernel.frames.allocated, mm.alive] as const
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 3 * PAGE_SIZE), 'pages')
      check.callerError('WRT-013', 'MmFreePagesFromMdl of the port’s pages', () => mm.MmFreePagesFromMdl(mdl))
      const other = ddi.waveRT.newPortStream()
      check.callerError('WRT-013', 'another stream’s FreePagesFromMdl', () => other.FreePagesFromMdl(mdl))
      const foreign = allocate(context, PAGE_SIZE)
      check.callerError('WRT-013', 'FreePagesFromMdl of another MDL', () => portcls.FreePagesFromMdl(foreign))
      check.callerError('WRT-013', 'MapAllocatedPages of another MDL', () =>
        portcls.MapAllocatedPages(foreign, MmCached),
      )
      release(context, foreign)
      portcls.FreePagesFromMdl(mdl)
      check.equal(kernel.frames.allocated, before[0], 'frames in use afterwards')
      check.equal(mm.alive, before[1], 'MDLs afterwards')
      check.callerError('WRT-013', 'freeing it again', () => portcls.FreePagesFromMdl(mdl))
      check.callerError('WRT-013', 'its pages', () => portcls.GetPhysicalPageAddress(mdl, 0))
    },
  },
  {
    id: 'wavert/mapping-fails-with-null',
    title: 'MapAllocatedPages takes the three caching types, and returns NULL for what it cannot map, without raising',
    rules: ['WRT-015', 'MDL-082'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { mm, portcls } = ddi
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 2 * PAGE_SIZE), 'pages')
      for (const type of [MmNonCached, MmCached, MmWriteCombined]) {
        const view = check.present(portcls.MapAllocatedPages(mdl, type), `a view with the caching type ${type}`)
        kernel.memory.write(view, Uint8Array.of(type + 1))
        check.equal(kernel.memory.read(view, 1)[0], type + 1, `a byte of the view with the caching type ${type}`)
        portcls.UnmapAllocatedPages(view, mdl)
      }
      check.absent(portcls.MapAllocatedPages(mdl, 3), 'a view with a caching type that there is not')
      kernel.lowResources.failCall(1)
      check.absent(portcls.MapAllocatedPages(mdl, MmCached), 'a view under low resources')
      kernel.lowResources.end()
      const user = mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NO_ADDRESS, false, NormalPagePriority)
      check.absent(portcls.MapAllocatedPages(mdl, MmWriteCombined), 'a view with another type than a client’s')
      mm.MmUnmapLockedPages(check.present(user, 'a client’s view'), mdl)
      portcls.FreePagesFromMdl(mdl)
    },
  },
  {
    id: 'wavert/unmap-takes-its-own-address',
    title: 'UnmapAllocatedPages takes the address that MapAllocatedPages returned, once, and no other',
    rules: ['WRT-014'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { mm, portcls } = ddi
      const mdl = check.present(portcls.AllocatePagesForMdl(ANYWHERE, 2 * PAGE_SIZE), 'pages')
      check.bugCheck(0xc4, 0xb6, 'unmapping what is not mapped', () => portcls.UnmapAllocatedPages(NO_ADDRESS, mdl))
      const view = check.present(portcls.MapAllocatedPages(mdl, MmCached), 'the port’s view')
      const user = mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NO_ADDRESS, false, NormalPagePriority)
      const client = check.present(user, 'a client’s view')
      for (const foreign of [NO_ADDRESS, va(view + PAGE), client]) {
        check.bugCheck(0xda, 0x03, 'unmapping a foreign address', () => portcls.UnmapAllocatedPages(foreign, mdl))
      }
      kernel.memory.write(client, Uint8Array.of(0x77))
      check.equal(kernel.memory.read(view, 1)[0], 0x77, 'a byte of the port’s view afterwards')
      portcls.UnmapAllocatedPages(view, mdl)
      check.refused('access-violation', 'the view once it is unmapped', () => kernel.memory.read(view, 1))
      check.bugCheck(0xc4, 0xb6, 'unmapping it again', () => portcls.UnmapAllocatedPages(view, mdl))
      check.bugCheck(0xc4, 0xb8, 'freeing with a client’s view', () => portcls.FreePagesFromMdl(mdl))
      mm.MmUnmapLockedPages(client, mdl)
      portcls.FreePagesFromMdl(mdl)
    },
  },
]
