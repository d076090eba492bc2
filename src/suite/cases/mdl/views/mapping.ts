import { va } from '../../../../base/address.ts'
import { NtStatusError } from '../../../../base/errors.ts'
import { NtStatus } from '../../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MM_PAGE_PRIORITY, MdlFlags } from '../../../../ddi/constants.ts'
import { MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import {
  KernelMode,
  MmCached,
  MmNonCached,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  allocate,
  mapSystem,
  mustGetList,
  openAdapter,
  putList,
  release,
} from '../../parts/buffers.ts'
import { frameBytes, walkList } from '../../parts/home-bytes.ts'

export const mappingCases: readonly Case[] = [
  {
    id: 'mdl/system-mapping-state',
    title: 'a kernel mapping is page aligned, sets flag and address in the MDL, and unmapping clears the flag',
    rules: ['MDL-071', 'MDL-072'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 4 * PAGE_SIZE)
      const address = mapSystem(context, mdl)
      check.equal(address % BigInt(PAGE_SIZE), 0n, 'offset within the page')
      check.equal(mdl.header.get('MappedSystemVa'), address, 'MappedSystemVa')
      check.ok(mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA), 'MAPPED_TO_SYSTEM_VA is set')
      check.equal(MmGetMdlVirtualAddress(mdl), 0n, 'the virtual address stays')
      ddi.mm.MmUnmapLockedPages(address, mdl)
      check.ok(!mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA), 'MAPPED_TO_SYSTEM_VA is clear')
      release(context, mdl)
    },
  },
  {
    id: 'mdl/views-show-the-frames-in-order',
    title: 'what is written through a view arrives in the frames of the MDL, page by page',
    rules: ['MDL-090'],
    run: (context) => {
      const { check, kernel } = context
      const mdl = allocate(context, 6 * PAGE_SIZE)
      const pattern = orderPattern(6 * PAGE_SIZE)
      kernel.memory.write(mapSystem(context, mdl), pattern)
      check.equal(MmGetMdlPfnArray(mdl).length, 6, 'page numbers')
      MmGetMdlPfnArray(mdl).forEach((pfn, i) => {
        const expected = pattern.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE)
        check.bytes(frameBytes(context, pfn), expected, `frame ${i}`)
      })
      release(context, mdl)
    },
  },
  {
    id: 'mdl/all-views-and-the-device-agree',
    title: 'a store through one view is seen through the other view, both ways, and by the device',
    rules: ['MDL-090'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const system = mapSystem(context, mdl)
      const user = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NO_ADDRESS, false, NormalPagePriority)
      const other = check.present(user, 'a user mapping')
      const pattern = orderPattern(300, 7)
      const at = PAGE_SIZE - 150
      kernel.memory.write(va(system + BigInt(at)), pattern)
      check.bytes(kernel.memory.read(va(other + BigInt(at)), 300), pattern, 'through the user view')
      pattern.set(orderPattern(150, 8), 75)
      kernel.memory.write(va(other + BigInt(at)), pattern)
      check.bytes(kernel.memory.read(va(system + BigInt(at)), 300), pattern, 'through the system view')
      const adapter = openAdapter(context)
      const list = mustGetList(context, adapter, mdl, { offset: at, length: 300, writeToDevice: true })
      check.bytes(await engine.read(walkList(context, list), { signal }), pattern, 'as the device read it')
      putList(context, adapter, list, true)
      ddi.mm.MmUnmapLockedPages(other, mdl)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/one-system-mapping',
    title: 'a second system mapping of one MDL is refused',
    rules: ['MDL-074', 'VER-012/0xB2'],
    run: (context) => {
      const mdl = allocate(context, PAGE_SIZE)
      mapSystem(context, mdl)
      context.check.bugCheck(0xc4, 0xb2, 'mapping again', () => mapSystem(context, mdl))
      release(context, mdl)
    },
  },
  {
    id: 'mdl/unlocked-pages-cannot-be-mapped',
    title: 'an MDL whose pages are not locked cannot be mapped',
    rules: ['MDL-070', 'VER-011/0x85'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, PAGE_SIZE)
      ddi.mm.MmFreePagesFromMdl(mdl)
      check.bugCheck(0xc4, 0x85, 'mapping freed pages', () => mapSystem(context, mdl))
      ddi.mm.ExFreePool(mdl)
    },
  },
  {
    id: 'mdl/bugcheck-on-failure-is-refused',
    title: 'a driver passes FALSE for BugCheckOnFailure',
    rules: ['MDL-075', 'VER-011/0x82'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, PAGE_SIZE)
      check.bugCheck(0xc4, 0x82, 'TRUE', () =>
        ddi.mm.MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NO_ADDRESS, true, NormalPagePriority),
      )
      release(context, mdl)
    },
  },
  {
    id: 'mdl/one-caching-type-per-frame',
    title: 'a frame is not mapped with two caching types at once; NULL in kernel mode, raised in user mode',
    rules: ['MDL-075', 'MDL-081', 'MDL-082'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, PAGE_SIZE)
      const map = (mode: number, type: number) =>
        ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, type, NO_ADDRESS, false, NormalPagePriority)
      const user = check.present(map(UserMode, MmCached), 'the first mapping')
      check.absent(map(KernelMode, MmNonCached), 'another type while the first lives')
      const same = check.present(map(KernelMode, MmCached), 'the same type')
      ddi.mm.MmUnmapLockedPages(user, mdl)
      check.ok(
        raisesAny(() => map(UserMode, MmNonCached)),
        'another type in user mode raises a status',
      )
      ddi.mm.MmUnmapLockedPages(same, mdl)
      check.present(map(KernelMode, MmNonCached), 'another type after the first is gone')
      release(context, mdl)
    },
  },
  {
    id: 'mdl/no-write-view-refuses-stores',
    title: 'MdlMappingNoWrite gives a view, in either mode, that shows the pages and refuses stores',
    rules: ['MDL-083'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, PAGE_SIZE)
      const writable = mapSystem(context, mdl)
      kernel.memory.fill(writable, PAGE_SIZE, 0x42)
      ddi.mm.MmUnmapLockedPages(writable, mdl)
      const priority = NormalPagePriority | MM_PAGE_PRIORITY.MdlMappingNoWrite
      for (const [mode, name] of [
        [KernelMode, 'kernel'],
        [UserMode, 'user'],
      ] as const) {
        const mapped = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NO_ADDRESS, false, priority)
        const address = check.present(mapped, `a read-only mapping, ${name} mode`)
        check.filled(kernel.memory.read(address, PAGE_SIZE), 0x42, `what it reads, ${name} mode`)
        check.refused('access-violation', `a store, ${name} mode`, () => kernel.memory.fill(address, 1, 1))
        check.filled(kernel.memory.read(address, 1), 0x42, `what it reads after the store, ${name} mode`)
        ddi.mm.MmUnmapLockedPages(address, mdl)
      }
      release(context, mdl)
    },
  },
  {
    id: 'mdl/user-mapping-raises',
    title: 'a user mapping that cannot be made raises a status and never returns NULL',
    rules: ['MDL-077', 'MDL-078'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const map = (at: bigint) =>
        ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, va(at), false, NormalPagePriority)
      const first = check.present(map(0n), 'a user mapping')
      check.ok(first < kernel.memory.userProbeAddress, 'it lies in user space')
      check.raises(NtStatus.STATUS_INVALID_ADDRESS, 'an unaligned address', () => map(first + 1n))
      const top = kernel.memory.userProbeAddress - BigInt(PAGE_SIZE)
      check.raises(NtStatus.STATUS_INVALID_ADDRESS, 'one page below the top of user space', () => map(top))
      check.raises(NtStatus.STATUS_CONFLICTING_ADDRESSES, 'an occupied address', () => map(first))
      ddi.mm.MmUnmapLockedPages(first, mdl)
      check.equal(check.present(map(first), 'the same address once it is free'), first, 'the requested address')
      ddi.mm.MmUnmapLockedPages(first, mdl)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/unmap-ends-the-view',
    title: 'after MmUnmapLockedPages the address is dead, and unmapping again is bug check 0xC4/0xB6',
    rules: ['MDL-072', 'VER-012/0xB6'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, PAGE_SIZE)
      const address = mapSystem(context, mdl)
      check.filled(kernel.memory.read(address, PAGE_SIZE), 0, 'while it is mapped')
      ddi.mm.MmUnmapLockedPages(address, mdl)
      check.ok(!mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA), 'MAPPED_TO_SYSTEM_VA is clear')
      check.refused('access-violation', 'a load through the old address', () => kernel.memory.touch(address))
      check.bugCheck(0xc4, 0xb6, 'unmapping again', () => ddi.mm.MmUnmapLockedPages(address, mdl))
      release(context, mdl)
    },
  },
  {
    id: 'mdl/system-address-on-demand',
    title: 'MmGetSystemAddressForMdlSafe maps once and then gives the same address',
    rules: ['MDL-086', 'MDL-087'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, PAGE_SIZE)
      const first = check.present(ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), 'the system address')
      kernel.memory.fill(first, PAGE_SIZE, 0x3c)
      check.filled(frameBytes(context, MmGetMdlPfnArray(mdl)[0] ?? 0n), 0x3c, 'the frame behind it')
      check.equal(ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), first, 'the second call')
      check.ok(mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA), 'MAPPED_TO_SYSTEM_VA is set')
      ddi.mm.MmFreePagesFromMdl(mdl)
      check.refused('access-violation', 'a load after the pages were freed', () => kernel.memory.touch(first))
      ddi.mm.ExFreePool(mdl)
    },
  },
]

/** For what no document gives the status of. */
function raisesAny(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch (error) {
    if (error instanceof NtStatusError) return true
    throw error
  }
}
