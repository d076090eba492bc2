import { va } from '../../../../base/address.ts'
import { NtStatus } from '../../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { KIRQL, MdlFlags } from '../../../../ddi/constants.ts'
import { EMPTY_SLOT, type Mdl, MmGetMdlPfnArray } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import { Protection } from '../../../../native/surface.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  KernelMode,
  NormalPagePriority,
  UserMode,
  mapSystem,
  mustGetList,
  openAdapter,
  putList,
} from '../../parts/buffers.ts'
import {
  IoModifyAccess,
  IoReadAccess,
  IoWriteAccess,
  POOL_FLAG_PAGED,
  bytesOfPages,
  freePool,
  lockedUser,
  mdlOver,
  plus,
  poolBlock,
  unlockAndFree,
  userMemory,
} from '../../parts/driver-memory.ts'
import { frameBytes, homeBytes, walkList } from '../../parts/home-bytes.ts'

const OFFSET = 0x123
const { MDL_PAGES_LOCKED, MDL_WRITE_OPERATION } = MdlFlags
const { STATUS_ACCESS_VIOLATION } = NtStatus

/** The pages of the MDL hold these bytes from its offset on. */
function checkPages(context: Context, mdl: Mdl, expected: Uint8Array, what: string): void {
  const offset = homeBytes(context, mdl.address, 48).getUint32(44, true)
  context.check.bytes(bytesOfPages(context, mdl).subarray(offset, offset + expected.length), expected, what)
}

export const lockingCases: readonly Case[] = [
  {
    id: 'mdl/lock-fills-the-array',
    title: 'MmProbeAndLockPages locks the pages behind the addresses and names them in the array, for any operation',
    rules: ['MDL-004', 'MDL-013', 'MDL-050', 'MDL-053'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const user = userMemory(context, 4 * PAGE_SIZE)
      const pattern = orderPattern(2 * PAGE_SIZE, 3)
      const mdl = mdlOver(context, plus(user, OFFSET), pattern.length)
      for (const operation of [IoWriteAccess, IoReadAccess, IoModifyAccess]) {
        kernel.memory.write(plus(user, OFFSET), pattern)
        ddi.mm.MmProbeAndLockPages(mdl, UserMode, operation)
        check.equal(MmGetMdlPfnArray(mdl).length, 3, 'page numbers')
        checkPages(context, mdl, pattern, `the pages in the array, operation ${operation}`)
        check.ok(mdl.has(MDL_PAGES_LOCKED), 'PAGES_LOCKED is set')
        check.equal(mdl.has(MDL_WRITE_OPERATION), operation !== IoReadAccess, `WRITE_OPERATION, operation ${operation}`)
        check.equal(mdl.header.get('Process'), kernel.processes.current.address, 'Process')
        kernel.virtual.trim()
        const later = orderPattern(2 * PAGE_SIZE, 4 + operation)
        kernel.memory.write(plus(user, OFFSET), later)
        checkPages(context, mdl, later, `the pages while they are locked, operation ${operation}`)
        ddi.mm.MmUnlockPages(mdl)
      }
      ddi.mm.ExFreePool(mdl)
    },
  },
  {
    id: 'mdl/lock-checks-access',
    title: 'read-only memory is locked for reading, and raises STATUS_ACCESS_VIOLATION for writing or modifying',
    rules: ['MDL-050', 'MDL-051', 'MDL-052'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const memory = kernel.processes.allocate({ bytes: 2 * PAGE_SIZE, protection: Protection.read })
      const mdl = mdlOver(context, check.present(memory, 'user memory'), 2 * PAGE_SIZE)
      const lock = (operation: number): void => ddi.mm.MmProbeAndLockPages(mdl, UserMode, operation)
      for (const operation of [IoWriteAccess, IoModifyAccess]) {
        check.raises(STATUS_ACCESS_VIOLATION, `locking for operation ${operation}`, () => lock(operation))
        check.ok(!mdl.has(MDL_PAGES_LOCKED), 'PAGES_LOCKED is clear')
        check.equal(MmGetMdlPfnArray(mdl)[0], EMPTY_SLOT, 'the first slot')
      }
      check.equal(kernel.virtual.trim(), 2, 'pages that may move, after the failures')
      lock(IoReadAccess)
      check.equal(kernel.virtual.trim(), 0, 'pages that may move, locked for reading')
      unlockAndFree(context, mdl)
    },
  },
  {
    id: 'mdl/lock-failure-keeps-nothing',
    title: 'a buffer that ends outside its memory raises STATUS_ACCESS_VIOLATION and leaves no page locked',
    rules: ['MDL-051', 'MDL-052'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const user = userMemory(context, 2 * PAGE_SIZE)
      for (const mode of [UserMode, KernelMode]) {
        const mdl = mdlOver(context, user, 2 * PAGE_SIZE + 1)
        check.raises(STATUS_ACCESS_VIOLATION, `locking a byte too many, mode ${mode}`, () =>
          ddi.mm.MmProbeAndLockPages(mdl, mode, IoReadAccess),
        )
        check.equal(MmGetMdlPfnArray(mdl)[2], EMPTY_SLOT, 'the slot of the page that is not there')
        check.ok(!mdl.has(MDL_PAGES_LOCKED), 'PAGES_LOCKED is clear')
        check.equal(kernel.virtual.trim(), 2, 'pages that may move')
        check.bugCheck(0xc4, 0x7c, 'unlocking what was not locked', () => ddi.mm.MmUnlockPages(mdl))
        ddi.mm.ExFreePool(mdl)
      }
      kernel.processes.free(user)
      const gone = mdlOver(context, user, 1)
      check.raises(STATUS_ACCESS_VIOLATION, 'locking freed memory', () =>
        ddi.mm.MmProbeAndLockPages(gone, UserMode, IoReadAccess),
      )
      ddi.mm.ExFreePool(gone)
    },
  },
  {
    id: 'mdl/user-mode-stops-at-the-probe-address',
    title: 'with UserMode, a range that ends above user space, or wraps, raises STATUS_ACCESS_VIOLATION',
    rules: ['MDL-051', 'MDL-054'],
    run: (context) => {
      const { check, ddi } = context
      const system = poolBlock(context, PAGE_SIZE)
      const mdl = mdlOver(context, system, PAGE_SIZE)
      const wraps = mdlOver(context, va(2n ** 64n - 1n), 2)
      for (const [one, what] of [
        [mdl, 'a system address'],
        [wraps, 'a range that wraps'],
      ] as const) {
        check.raises(STATUS_ACCESS_VIOLATION, what, () => ddi.mm.MmProbeAndLockPages(one, UserMode, IoReadAccess))
        check.ok(!one.has(MDL_PAGES_LOCKED), `PAGES_LOCKED is clear, ${what}`)
      }
      ddi.mm.MmProbeAndLockPages(mdl, KernelMode, IoReadAccess)
      check.equal(mdl.header.get('Process'), 0n, 'Process of a system address')
      unlockAndFree(context, mdl)
      ddi.mm.ExFreePool(wraps)
      freePool(context, system)
    },
  },
  {
    id: 'mdl/pages-stay-until-the-last-unlock',
    title: 'pages under two MDLs stay where they are until both are unlocked; then the numbers are stale',
    rules: ['MDL-013', 'MDL-056', 'MDL-060'],
    run: (context) => {
      const { check, kernel } = context
      const paged = poolBlock(context, 3 * PAGE_SIZE, POOL_FLAG_PAGED)
      const all = mdlOver(context, paged, 3 * PAGE_SIZE)
      const last = mdlOver(context, plus(paged, 2 * PAGE_SIZE), PAGE_SIZE)
      for (const mdl of [all, last]) context.ddi.mm.MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess)
      const [pfn = 0n] = MmGetMdlPfnArray(last)
      check.equal(MmGetMdlPfnArray(all)[2], pfn, 'the shared page, by both MDLs')
      check.equal(kernel.virtual.trim(), 0, 'pages that may move, locked twice')
      context.ddi.mm.MmUnlockPages(all)
      check.equal(kernel.virtual.trim(), 2, 'pages that may move, one MDL unlocked')
      kernel.memory.fill(paged, 3 * PAGE_SIZE, 0x3d)
      check.filled(bytesOfPages(context, last), 0x3d, 'the page that is locked still')
      context.ddi.mm.MmUnlockPages(last)
      check.equal(kernel.virtual.trim(), 3, 'pages that may move, all unlocked')
      kernel.memory.fill(paged, 3 * PAGE_SIZE, 0x4e)
      check.ok(!frameBytes(context, pfn).includes(0x4e), 'the old number leads to the page no longer')
      context.ddi.mm.MmProbeAndLockPages(last, KernelMode, IoWriteAccess)
      check.filled(bytesOfPages(context, last), 0x4e, 'the page by its new number')
      context.ddi.mm.MmUnlockPages(last)
      for (const mdl of [all, last]) context.ddi.mm.ExFreePool(mdl)
      freePool(context, paged)
    },
  },
  {
    id: 'mdl/lock-once',
    title:
      'an MDL that is locked, or empty, is not locked again; wrong flags are 0xC4/0xB0, of another process 0xC4/0xB1',
    rules: ['MDL-055', 'MDL-056', 'VER-012/0xB0', 'VER-012/0xB1'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const other = kernel.processes.start()
      const { user, mdl } = kernel.in(other, () => {
        const memory = userMemory(context, PAGE_SIZE)
        kernel.memory.fill(memory, PAGE_SIZE, 0x66)
        return { user: memory, mdl: mdlOver(context, memory, PAGE_SIZE) }
      })
      const lock = (): void => ddi.mm.MmProbeAndLockPages(mdl, UserMode, IoReadAccess)
      check.raises(STATUS_ACCESS_VIOLATION, 'locking memory of another process', lock)
      ddi.mm.MmProbeAndLockProcessPages(mdl, other, UserMode, IoReadAccess)
      check.filled(bytesOfPages(context, mdl), 0x66, 'the pages of another process')
      check.equal(mdl.header.get('Process'), other.address, 'Process')
      kernel.in(other, () => check.bugCheck(0xc4, 0xb0, 'locking again', lock))
      check.bugCheck(0xc4, 0xb1, 'locking again for another process', () =>
        ddi.mm.MmProbeAndLockProcessPages(mdl, other, UserMode, IoReadAccess),
      )
      unlockAndFree(context, mdl)
      const empty = mdlOver(context, user, 0)
      check.callerError('MDL-055', 'locking no byte', () => ddi.mm.MmProbeAndLockPages(empty, UserMode, IoReadAccess))
      ddi.mm.ExFreePool(empty)
      kernel.processes.end(other)
    },
  },
  {
    id: 'mdl/device-reaches-locked-pages-of-freed-memory',
    title:
      'user memory that is freed while its pages are locked keeps its frames: the device writes there, and nowhere else',
    rules: ['MDL-057'],
    needs: ['engine'],
    run: async (context) => {
      const { check, engine, frames, kernel, signal } = context
      const size = 3 * PAGE_SIZE
      const user = userMemory(context, size)
      kernel.memory.fill(user, size, 0x11)
      const mdl = lockedUser(context, plus(user, OFFSET), size - OFFSET)
      const view = mapSystem(context, mdl)
      const adapter = openAdapter(context)
      const length = 2 * PAGE_SIZE
      const list = mustGetList(context, adapter, mdl, { length, writeToDevice: false })
      const before = frames.allocated
      kernel.processes.free(user)
      check.equal(frames.allocated, before, 'frames in use while they are locked')
      check.refused('access-violation', 'the freed address', () => kernel.memory.touch(user))
      const reused = check.present(kernel.processes.allocate({ bytes: size, at: user }), 'memory at the same address')
      kernel.virtual.trim()
      const pattern = orderPattern(length, 19)
      await engine.write(walkList(context, list), pattern, { signal })
      putList(context, adapter, list, false)
      check.bytes(kernel.memory.read(view, length), pattern, 'what the device wrote, in the locked pages')
      check.filled(kernel.memory.read(reused, size), 0, 'what lies at the address now')
      unlockAndFree(context, mdl)
      kernel.processes.free(reused)
    },
  },
  {
    id: 'mdl/unlock-ends-the-mapping',
    title: 'MmUnlockPages removes a system mapping first; what was never locked is 0xC4/0x7C',
    rules: ['MDL-059', 'MDL-087', 'VER-011/0x7C'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = lockedUser(context, userMemory(context, PAGE_SIZE), PAGE_SIZE)
      const mapped = ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)
      const view = check.present(mapped, 'the system address')
      check.filled(kernel.memory.read(view, PAGE_SIZE), 0, 'while it is mapped')
      kernel.at(KIRQL.DISPATCH_LEVEL, () => ddi.mm.MmUnlockPages(mdl))
      check.equal(mdl.MdlFlags & 3, 0, 'PAGES_LOCKED and MAPPED_TO_SYSTEM_VA')
      check.refused('access-violation', 'a load through the mapping', () => kernel.memory.touch(view))
      check.bugCheck(0xc4, 0x7c, 'unlocking again', () => ddi.mm.MmUnlockPages(mdl))
      ddi.mm.ExFreePool(mdl)
    },
  },
]
