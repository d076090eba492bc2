import type { Va } from '../../../../base/address.ts'
import { NtStatus } from '../../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { KIRQL, MM_ALLOCATE, MM_PAGE_PRIORITY, MdlFlags } from '../../../../ddi/constants.ts'
import type { Mdl } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  KernelMode,
  MmCached,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  allocate,
  mapSystem,
  mustGetList,
  openAdapter,
  putList,
  release,
  spoilFreePages,
} from '../../parts/buffers.ts'
import {
  IoReadAccess,
  POOL_FLAG_NON_PAGED,
  POOL_FLAG_UNINITIALIZED,
  freePool,
  lockedUser,
  mdlOver,
  plus,
  poolBlock,
  unlockAndFree,
  userMemory,
} from '../../parts/driver-memory.ts'
import { frameBytes, homeBytes, walkList } from '../../parts/home-bytes.ts'

const UNINITIALIZED = POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED

function mapUser({ check, ddi }: Context, mdl: Mdl, priority: number = NormalPagePriority): Va {
  const mapped = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NO_ADDRESS, false, priority)
  return check.present(mapped, 'a user mapping')
}

/** A nonpaged MDL over a pool block. */
function builtOver(context: Context, block: Va, bytes: number): Mdl {
  const mdl = mdlOver(context, block, bytes)
  context.ddi.mm.MmBuildMdlForNonPagedPool(mdl)
  return mdl
}

export const userCases: readonly Case[] = [
  {
    id: 'mdl/only-locked-pages-are-mapped',
    title: 'an MDL over memory that is not locked cannot be mapped in either mode; once it is locked it can',
    rules: ['MDL-070', 'VER-011/0x85'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const user = userMemory(context, PAGE_SIZE)
      const mdl = mdlOver(context, user, PAGE_SIZE)
      for (const mode of [KernelMode, UserMode]) {
        check.bugCheck(0xc4, 0x85, `mapping unlocked pages, mode ${mode}`, () =>
          ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NO_ADDRESS, false, NormalPagePriority),
        )
      }
      ddi.mm.MmProbeAndLockPages(mdl, UserMode, IoReadAccess)
      const view = mapSystem(context, mdl)
      const pattern = orderPattern(PAGE_SIZE, 41)
      kernel.memory.write(user, pattern)
      check.bytes(kernel.memory.read(view, PAGE_SIZE), pattern, 'what the system mapping shows')
      unlockAndFree(context, mdl)
    },
  },
  {
    id: 'mdl/user-view-is-the-process-own',
    title:
      'a user mapping is made in the current process, and is neither reached nor removed in the context of another',
    rules: ['MDL-077', 'MDL-080', 'MDL-085'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const process = kernel.processes.start()
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const { MdlFlags: flags } = mdl
      const view = kernel.in(process, () => mapUser(context, mdl))
      check.ok(view < kernel.memory.userProbeAddress, 'it lies in user space')
      check.equal(mdl.MdlFlags, flags, 'MdlFlags')
      check.refused('access-violation', 'a load in another process', () => kernel.memory.touch(view))
      check.callerError('MDL-085', 'unmapping in another process', () => ddi.mm.MmUnmapLockedPages(view, mdl))
      kernel.in(process, () => {
        kernel.memory.fill(view, 2 * PAGE_SIZE, 0x2b)
        check.filled(frameBytes(context, mdl.slots()[1] ?? 0n), 0x2b, 'the second page, stored in its process')
        ddi.mm.MmUnmapLockedPages(view, mdl)
        check.refused('access-violation', 'a load after unmapping', () => kernel.memory.touch(view))
      })
      const views = kernel.memory.views
      kernel.in(process, () => mapUser(context, mdl))
      kernel.processes.end(process)
      check.equal(kernel.memory.views, views, 'views after the process ended')
      release(context, mdl)
    },
  },
  {
    id: 'mdl/user-mapping-never-gives-null',
    title: 'a user mapping for which there are no resources raises; a read-only one cannot be stored through',
    rules: ['MDL-077', 'MDL-079', 'MDL-083'],
    run: (context) => {
      const { check, kernel } = context
      const mdl = allocate(context, PAGE_SIZE)
      kernel.lowResources.failCall(1)
      check.raises(NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'a mapping without resources', () => mapUser(context, mdl))
      kernel.lowResources.end()
      const view = mapUser(context, mdl, NormalPagePriority | MM_PAGE_PRIORITY.MdlMappingNoWrite)
      check.refused('access-violation', 'a store by the user', () => kernel.memory.fill(view, 1, 1))
      context.ddi.mm.MmUnmapLockedPages(view, mdl)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/users-see-no-foreign-data',
    title: 'a pool block that is no page multiple, or a page that nobody overwrote, is not mapped to a user',
    rules: ['MDL-089'],
    run: (context) => {
      const { check, ddi, kernel } = context
      for (const [bytes, offered] of [
        [PAGE_SIZE - 100, 'a part of a page'],
        [PAGE_SIZE + 8, 'a page and a part of one'],
      ] as const) {
        const block = poolBlock(context, bytes)
        const mdl = builtOver(context, block, bytes)
        check.callerError('MDL-089', offered, () => mapUser(context, mdl))
        ddi.mm.ExFreePool(mdl)
        freePool(context, block)
      }
      spoilFreePages(context)
      const flags = MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION
      const mdl = allocate(context, 2 * PAGE_SIZE, { flags })
      check.callerError('MDL-089', 'pages with what was in them', () => mapUser(context, mdl))
      const system = mapSystem(context, mdl)
      kernel.memory.fill(system, 2 * PAGE_SIZE - 32, 0x31)
      check.callerError('MDL-089', 'pages overwritten but for the end', () => mapUser(context, mdl))
      kernel.memory.fill(system, 2 * PAGE_SIZE, 0x31)
      const view = mapUser(context, mdl)
      check.filled(kernel.memory.read(view, 2 * PAGE_SIZE), 0x31, 'pages overwritten')
      ddi.mm.MmUnmapLockedPages(view, mdl)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/device-and-user-see-zeros-around-the-data',
    title: 'of pool for a user the device reads what the driver wrote, and zeros in the rest of its pages',
    rules: ['MDL-089', 'MDL-090'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      spoilFreePages(context)
      const size = 2 * PAGE_SIZE
      const unwritten = poolBlock(context, size, UNINITIALIZED)
      const foreign = builtOver(context, unwritten, size)
      check.callerError('MDL-089', 'an uninitialised block', () => mapUser(context, foreign))
      const block = poolBlock(context, size)
      const mdl = builtOver(context, block, size)
      const user = mapUser(context, mdl)
      const expected = new Uint8Array(size)
      expected.set(orderPattern(100, 2), PAGE_SIZE - 50)
      kernel.memory.write(plus(block, PAGE_SIZE - 50), orderPattern(100, 2))
      check.bytes(kernel.memory.read(user, size), expected, 'what the user sees')
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { length: size, writeToDevice: true })
      check.bytes(await engine.read(walkList(context, list), { signal }), expected, 'what the device reads')
      putList(context, adapter, list, true)
      ddi.mm.MmUnmapLockedPages(user, mdl)
      for (const one of [mdl, foreign]) ddi.mm.ExFreePool(one)
      for (const one of [block, unwritten]) freePool(context, one)
    },
  },
  {
    id: 'mdl/address-of-a-part-is-the-users',
    title: "a part of a user's request keeps the user's address, which leads nowhere in another process",
    rules: ['MDL-012', 'MDL-108'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const process = kernel.processes.start()
      const pattern = orderPattern(100, 13)
      const { at, source } = kernel.in(process, () => {
        const user = userMemory(context, 3 * PAGE_SIZE)
        kernel.memory.write(plus(user, PAGE_SIZE + 8), pattern)
        return { at: plus(user, PAGE_SIZE + 8), source: lockedUser(context, user, 3 * PAGE_SIZE) }
      })
      const part = check.present(ddi.io.IoAllocateMdl(at, 100, false, false, null), 'an MDL for the part')
      ddi.io.IoBuildPartialMdl(source, part, at, 100)
      const bytes = homeBytes(context, part.address, 48)
      const virtual = bytes.getBigUint64(32, true) + BigInt(bytes.getUint32(44, true))
      check.equal(virtual, at, 'the virtual address of the part')
      check.refused('access-violation', 'a load there in another process', () => kernel.memory.touch(at))
      const mapped = ddi.mm.MmGetSystemAddressForMdlSafe(part, NormalPagePriority)
      const system = check.present(mapped, 'the system address of the part')
      check.bytes(kernel.memory.read(system, 100), pattern, 'through the system address, in another process')
      kernel.in(process, () => check.bytes(kernel.memory.read(at, 100), pattern, 'at the address, in its process'))
      ddi.io.IoFreeMdl(part)
      unlockAndFree(context, source)
      kernel.processes.end(process)
    },
  },
  {
    id: 'mdl/process-keeps-its-locked-pages',
    title: 'a process that ends with locked pages is bug check 0x76, and ends once they are unlocked',
    rules: ['MDL-061'],
    run: (context) => {
      const { check, kernel } = context
      const process = kernel.processes.start()
      const mdl = kernel.in(process, () => lockedUser(context, userMemory(context, PAGE_SIZE), PAGE_SIZE))
      check.bugCheck(0x76, 0, 'ending the process', () => kernel.processes.end(process))
      unlockAndFree(context, mdl)
      kernel.processes.end(process)
    },
  },
  {
    id: 'mdl/levels-of-locking-and-mapping',
    title: 'lock, unlock, map, unmap and page allocation above their level are the codes of the Driver Verifier',
    rules: ['MDL-058', 'MDL-084', 'MDL-125', 'VER-013'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { mm } = ddi
      const high = KIRQL.DISPATCH_LEVEL + 1
      const refused = (irql: number, code: number, what: string, act: () => unknown): void =>
        kernel.at(irql, () => check.bugCheck(0xc4, code, `${what} at ${irql}`, act))
      const mdl = mdlOver(context, userMemory(context, PAGE_SIZE), PAGE_SIZE)
      const lock = (): void => mm.MmProbeAndLockPages(mdl, UserMode, IoReadAccess)
      for (const irql of [KIRQL.DISPATCH_LEVEL, high]) refused(irql, 0x70, 'locking pageable memory', lock)
      kernel.at(KIRQL.APC_LEVEL, lock)
      refused(high, 0x76, 'mapping for the system', () => mapSystem(context, mdl))
      refused(KIRQL.DISPATCH_LEVEL, 0x77, 'mapping for a user', () => mapUser(context, mdl))
      const system = kernel.at(KIRQL.DISPATCH_LEVEL, () => mapSystem(context, mdl))
      const user = kernel.at(KIRQL.APC_LEVEL, () => mapUser(context, mdl))
      refused(high, 0x79, 'unmapping for the system', () => mm.MmUnmapLockedPages(system, mdl))
      refused(KIRQL.DISPATCH_LEVEL, 0x7a, 'unmapping for a user', () => mm.MmUnmapLockedPages(user, mdl))
      mm.MmUnmapLockedPages(user, mdl)
      refused(high, 0x78, 'unlocking', () => mm.MmUnlockPages(mdl))
      unlockAndFree(context, mdl)
      refused(high, 0x7e, 'allocating pages', () => allocate(context, PAGE_SIZE))
      const pages = kernel.at(KIRQL.DISPATCH_LEVEL, () => allocate(context, PAGE_SIZE))
      refused(high, 0x7e, 'freeing pages', () => mm.MmFreePagesFromMdl(pages))
      check.ok(pages.has(MdlFlags.MDL_PAGES_LOCKED), 'the pages are there still')
      release(context, pages)
    },
  },
]
