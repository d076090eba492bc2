import type { Va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { KIRQL, MdlFlags, type Out } from '../../../../ddi/constants.ts'
import type { DXGK_DEVICE_INFO } from '../../../../ddi/dxgk/dxgk.ts'
import { Mdl, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  KernelMode,
  MmCached,
  MmNonCached,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  mapSystem,
} from '../../parts/buffers.ts'
import {
  IoReadAccess,
  POOL_FLAG_PAGED,
  bytesOfPages,
  freePool,
  mdlOver,
  poolBlock,
  userMemory,
} from '../../parts/driver-memory.ts'

const { MDL_PAGES_LOCKED, MDL_MAPPED_TO_SYSTEM_VA, MDL_SOURCE_IS_NONPAGED_POOL } = MdlFlags

/** As mdlOver, with a process in the header, which MmInitializeMdl leaves there (MDL-008): in fresh memory it would be none. */
function mdlOf({ check, ddi, kernel }: Context, base: Va, length: number): Mdl {
  const mdl = new Mdl(check.present(kernel.pool.allocate(ddi.mm.MmSizeOfMdl(base, length)), 'memory for an MDL'))
  mdl.header.set('Process', kernel.processes.current.address)
  ddi.mm.MmInitializeMdl(mdl, base, length)
  return mdl
}

export const nonpagedCases: readonly Case[] = [
  {
    id: 'mdl/nonpaged-build-fills-the-array',
    title: 'MmBuildMdlForNonPagedPool names the pages of a pool block; it locks nothing and maps nothing',
    rules: ['MDL-013', 'MDL-040', 'MDL-041', 'MDL-044'],
    run: (context) => {
      const { check, ddi, kernel } = context
      for (const bytes of [3 * PAGE_SIZE - 5, 200]) {
        const block = poolBlock(context, bytes)
        const pattern = orderPattern(bytes, 5)
        kernel.memory.write(block, pattern)
        const views = kernel.memory.views
        const mdl = mdlOf(context, block, bytes)
        kernel.at(KIRQL.DISPATCH_LEVEL, () => ddi.mm.MmBuildMdlForNonPagedPool(mdl))
        const offset = Number(block % BigInt(PAGE_SIZE))
        check.equal(MmGetMdlPfnArray(mdl).length, Math.ceil((offset + bytes) / PAGE_SIZE), 'page numbers')
        const found = bytesOfPages(context, mdl).subarray(offset, offset + bytes)
        check.bytes(found, pattern, `the pages in the array, ${bytes} bytes`)
        check.equal(mdl.MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA), 0, 'flags of a lock or a mapping')
        check.equal(mdl.has(MDL_SOURCE_IS_NONPAGED_POOL), true, 'the flag of nonpaged memory')
        check.equal(mdl.header.get('Process'), 0n, 'the process')
        const address = ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)
        check.equal(address, block, 'the system address')
        check.equal(kernel.memory.views, views, 'views')
        ddi.mm.ExFreePool(mdl)
        check.bytes(kernel.memory.read(block, bytes), pattern, 'the block after the MDL is gone')
        freePool(context, block)
      }
    },
  },
  {
    id: 'mdl/nonpaged-build-forbids-the-rest',
    title: 'after MmBuildMdlForNonPagedPool no lock, unlock, system mapping or unmapping is legal; a user mapping is',
    rules: ['MDL-043', 'MDL-070', 'VER-011/0x7D', 'VER-012/0xB0', 'VER-012/0xB1', 'VER-012/0xB2', 'VER-012/0xB6'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const block = poolBlock(context, 2 * PAGE_SIZE)
      const mdl = mdlOver(context, block, 2 * PAGE_SIZE)
      const { mm } = ddi
      mm.MmBuildMdlForNonPagedPool(mdl)
      check.bugCheck(0xc4, 0xb0, 'locking it', () => mm.MmProbeAndLockPages(mdl, KernelMode, IoReadAccess))
      const { current } = kernel.processes
      check.bugCheck(0xc4, 0xb1, 'locking it for a process', () =>
        mm.MmProbeAndLockProcessPages(mdl, current, KernelMode, IoReadAccess),
      )
      check.bugCheck(0xc4, 0x7d, 'unlocking it', () => mm.MmUnlockPages(mdl))
      check.bugCheck(0xc4, 0xb2, 'mapping it for the system', () => mapSystem(context, mdl))
      check.bugCheck(0xc4, 0xb6, 'unmapping its address', () => mm.MmUnmapLockedPages(block, mdl))
      const pattern = orderPattern(2 * PAGE_SIZE, 23)
      kernel.memory.write(block, pattern)
      const mapped = mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NO_ADDRESS, false, NormalPagePriority)
      const user = check.present(mapped, 'a user mapping')
      check.bytes(kernel.memory.read(user, pattern.length), pattern, 'what the user mapping shows')
      mm.MmUnmapLockedPages(user, mdl)
      check.bytes(kernel.memory.read(block, pattern.length), pattern, 'the block itself')
      mm.ExFreePool(mdl)
      freePool(context, block)
    },
  },
  {
    id: 'mdl/nonpaged-build-over-pageable-memory',
    title: 'MmBuildMdlForNonPagedPool over paged pool is 0xC4/0x7F, over user memory 0xC4/0x140',
    rules: ['MDL-040', 'VER-011/0x7F', 'VER-012/0x140'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const paged = poolBlock(context, PAGE_SIZE, POOL_FLAG_PAGED)
      const user = userMemory(context, PAGE_SIZE)
      for (const [address, code, what] of [
        [paged, 0x7f, 'paged pool'],
        [user, 0x140, 'user memory'],
      ] as const) {
        const mdl = mdlOver(context, address, PAGE_SIZE)
        check.bugCheck(0xc4, code, `building over ${what}`, () => ddi.mm.MmBuildMdlForNonPagedPool(mdl))
        check.equal(mdl.MdlFlags, 0, `flags after building over ${what}`)
        ddi.mm.ExFreePool(mdl)
      }
      check.equal(kernel.virtual.trim(), 2, 'pages that may move')
      freePool(context, paged)
    },
  },
  {
    id: 'mdl/registers-are-not-locked',
    title: 'MmProbeAndLockPages over registers, which are no RAM, is 0xC4/0x6F',
    rules: ['VER-011/0x6F'],
    needs: ['memory-bar'],
    run: (context) => {
      const { check, ddi } = context
      const address = mapRegisters(context)
      const mdl = mdlOver(context, address, 4)
      check.equal(MmGetMdlVirtualAddress(mdl), address, 'the virtual address')
      check.bugCheck(0xc4, 0x6f, 'locking registers', () => ddi.mm.MmProbeAndLockPages(mdl, KernelMode, IoReadAccess))
      ddi.mm.ExFreePool(mdl)
      check.equal(ddi.dxgk.DxgkCbUnmapMemory(ddi.dxgk.DeviceHandle, address), 0, 'DxgkCbUnmapMemory')
    },
  },
]

/** The first page of the first memory BAR. */
function mapRegisters({ bar, check, ddi, device }: Context): Va {
  const info: Out<DXGK_DEVICE_INFO> = {}
  ddi.dxgk.DxgkCbGetDeviceInformation(ddi.dxgk.DeviceHandle, info)
  const list = check.present(info.value, 'the device information').TranslatedResourceList
  const start = list.resource(device.regions.findIndex(({ index }) => index === bar.index)).Start
  const out: Out<Va> = {}
  const { DeviceHandle } = ddi.dxgk
  check.equal(ddi.dxgk.DxgkCbMapMemory(DeviceHandle, start, 4, false, false, MmNonCached, out), 0, 'DxgkCbMapMemory')
  return check.present(out.value, 'the virtual address')
}
