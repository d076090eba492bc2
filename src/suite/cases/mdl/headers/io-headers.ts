import { va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MdlFlags } from '../../../../ddi/constants.ts'
import { MmGetMdlByteCount, MmGetMdlByteOffset, MmGetMdlVirtualAddress } from '../../../../ddi/mm/mdl.ts'
import type { Case } from '../../../case.ts'
import {
  MmCached,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  allocate,
  mapSystem,
  release,
} from '../../parts/buffers.ts'
import { IoReadAccess, userMemory } from '../../parts/driver-memory.ts'
import { allocateHeader, allocatePart } from '../../parts/headers.ts'
import { homeBytes, mdlBytes } from '../../parts/home-bytes.ts'

/** Where nothing is mapped: a header is made for it all the same. */
const NOWHERE = va(0x1234_5000 + 0x678)
const LONGEST = 0x1_0000_0000 - PAGE_SIZE
/** What Windows before Vista refused: its Size would have more than 16 bits (MDL-022). */
const OLD_LIMIT_PAGES = 8186

export const headerCases: readonly Case[] = [
  {
    id: 'mdl/header-without-pages',
    title: 'IoAllocateMdl makes a header for any address and touches no page; IoFreeMdl gives it back',
    rules: ['MDL-020', 'MDL-003'],
    run: (context) => {
      const { check, ddi, frames, kernel } = context
      const before = { frames: frames.allocated, blocks: kernel.pool.blocks, views: kernel.memory.views }
      const mdl = allocateHeader(context, NOWHERE, 3 * PAGE_SIZE)
      check.equal(MmGetMdlVirtualAddress(mdl), NOWHERE, 'the virtual address')
      check.equal(mdl.header.get('StartVa') % BigInt(PAGE_SIZE), 0n, 'StartVa, offset in its page')
      check.equal(MmGetMdlByteOffset(mdl), 0x678, 'ByteOffset')
      check.equal(MmGetMdlByteCount(mdl), 3 * PAGE_SIZE, 'ByteCount')
      check.equal(mdl.header.get('Next'), 0n, 'Next')
      check.equal(homeBytes(context, mdl.address, 48).getUint16(8, true), mdlBytes(4), 'Size at byte 8')
      check.equal(mdl.MdlFlags & ~MdlFlags.MDL_ALLOCATED_FIXED_SIZE, 0, 'flags beside FIXED_SIZE')
      check.equal(frames.allocated, before.frames, 'frames in use')
      check.equal(kernel.memory.views, before.views, 'views')
      check.bugCheck(0xc4, 0x85, 'mapping what is not locked', () => mapSystem(context, mdl))
      ddi.io.IoFreeMdl(mdl)
      check.equal(kernel.pool.blocks, before.blocks, 'pool blocks in use after IoFreeMdl')
      check.callerError('MDL-013', 'freeing it again', () => ddi.io.IoFreeMdl(mdl))
    },
  },
  {
    id: 'mdl/header-size-limit',
    title: 'more than 4 GiB - 4096 bytes give NULL; less does not, where there is memory, however many pages it has',
    rules: ['MDL-021', 'MDL-022', 'MDL-009'],
    run: (context) => {
      const { check, ddi, kernel } = context
      for (const length of [LONGEST + 1, 0xffff_ffff, 0x1_0000_0000]) {
        check.absent(ddi.io.IoAllocateMdl(NO_ADDRESS, length, false, false, null), `an MDL for ${length} bytes`)
      }
      const long = allocateHeader(context, NO_ADDRESS, OLD_LIMIT_PAGES * PAGE_SIZE)
      check.equal(MmGetMdlByteCount(long), OLD_LIMIT_PAGES * PAGE_SIZE, 'ByteCount')
      const size = homeBytes(context, long.address, 48).getUint16(8, true)
      check.equal(size, mdlBytes(OLD_LIMIT_PAGES) % 0x1_0000, 'Size keeps its low 16 bits')
      ddi.io.IoFreeMdl(long)
      const longest = ddi.io.IoAllocateMdl(NO_ADDRESS, LONGEST, false, false, null)
      check.ok(longest !== null || kernel.shortages.first?.code === 'out-of-memory', 'the longest MDL, or no memory')
      if (longest !== null) ddi.io.IoFreeMdl(longest)
    },
  },
  {
    id: 'mdl/reserved-arguments',
    title: 'IoAllocateMdl refuses ChargeQuota, a secondary buffer without an IRP, and a buffer that wraps',
    rules: ['MDL-023', 'MDL-006'],
    run: ({ check, ddi }) => {
      const allocateWith = (secondary: boolean, quota: boolean) => () =>
        ddi.io.IoAllocateMdl(NOWHERE, PAGE_SIZE, secondary, quota, null)
      check.callerError('MDL-023', 'ChargeQuota', allocateWith(false, true))
      check.callerError('MDL-023', 'a secondary buffer without an IRP', allocateWith(true, false))
      const top = va(0xffff_ffff_ffff_f000n)
      const wrapping = () => ddi.io.IoAllocateMdl(top, PAGE_SIZE + 1, false, false, null)
      check.callerError('MDL-006', 'a buffer over the end of 64 bits', wrapping)
      const last = check.present(ddi.io.IoAllocateMdl(top, PAGE_SIZE, false, false, null), 'the last page')
      ddi.io.IoFreeMdl(last)
    },
  },
  {
    id: 'mdl/free-while-mapped',
    title: 'an MDL is not freed while its pages are mapped: bug check 0xC4/0xB8, and the mapping stays',
    rules: ['VER-012/0xB8'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const mapUser = (one: typeof mdl) =>
        check.present(
          ddi.mm.MmMapLockedPagesSpecifyCache(one, UserMode, MmCached, NO_ADDRESS, false, NormalPagePriority),
          'a user mapping',
        )
      const view = mapUser(mdl)
      check.bugCheck(0xc4, 0xb8, 'MmFreePagesFromMdl', () => ddi.mm.MmFreePagesFromMdl(mdl))
      check.filled(kernel.memory.read(view, PAGE_SIZE), 0, 'the view after it')
      ddi.mm.MmUnmapLockedPages(view, mdl)
      const part = allocatePart(context, mdl, 0, PAGE_SIZE)
      const partView = mapUser(part)
      check.bugCheck(0xc4, 0xb8, 'IoFreeMdl', () => ddi.io.IoFreeMdl(part))
      check.bugCheck(0xc4, 0xb8, 'MmFreePagesFromMdl, a part is mapped', () => ddi.mm.MmFreePagesFromMdl(mdl))
      ddi.mm.MmUnmapLockedPages(partView, part)
      ddi.io.IoFreeMdl(part)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/locked-mdl-is-not-freed',
    title: 'IoFreeMdl refuses an MDL whose pages are locked; after MmUnlockPages it is freed',
    rules: ['MDL-028'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const base = userMemory(context, PAGE_SIZE)
      const mdl = allocateHeader(context, base, PAGE_SIZE)
      const before = kernel.pool.blocks
      ddi.mm.MmProbeAndLockPages(mdl, UserMode, IoReadAccess)
      check.callerError('MDL-028', 'while it is locked', () => ddi.io.IoFreeMdl(mdl))
      check.equal(kernel.pool.blocks, before, 'pool blocks in use')
      ddi.mm.MmUnlockPages(mdl)
      ddi.io.IoFreeMdl(mdl)
      check.equal(kernel.pool.blocks, before - 1, 'pool blocks in use after it is unlocked')
      kernel.processes.free(base)
    },
  },
  {
    id: 'mdl/flags-tell-what-may-be-mapped',
    title: 'an MDL that no flag calls locked is not mapped (0xC4/0xB3), nor one whose flags call it mapped (0xC4/0xB2)',
    rules: ['VER-012/0xB2', 'VER-012/0xB3'],
    run: (context) => {
      const { check } = context
      const mdl = allocate(context, PAGE_SIZE)
      mdl.MdlFlags &= ~MdlFlags.MDL_PAGES_LOCKED
      check.bugCheck(0xc4, 0xb3, 'without PAGES_LOCKED', () => mapSystem(context, mdl))
      mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED | MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      check.bugCheck(0xc4, 0xb2, 'with MAPPED_TO_SYSTEM_VA', () => mapSystem(context, mdl))
      mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      mapSystem(context, mdl)
      release(context, mdl)
    },
  },
]
