import { type PhysicalAddress, physicalAddress, va } from '../../../../base/address.ts'
import { NtStatus } from '../../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MdlFlags, type Out } from '../../../../ddi/constants.ts'
import type { DXGK_DEVICE_INFO } from '../../../../ddi/dxgk/dxgk.ts'
import { PhysicalAddressList } from '../../../../ddi/mm/io-space/physical-address-list.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../ddi/mm/mdl.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import { MmNonCached, allocate, mapSystem, release } from '../../parts/buffers.ts'

const PAGE = BigInt(PAGE_SIZE)
const { MDL_IO_SPACE, MDL_PAGES_LOCKED, MDL_MAPPED_TO_SYSTEM_VA } = MdlFlags

export const ioSpaceCases: readonly Case[] = [
  {
    id: 'mdl/io-space-takes-whole-device-pages',
    title: 'ranges of an I/O-space MDL are aligned, whole pages, at least one, no RAM, and less than 4 GiB in all',
    rules: ['MDL-132'],
    needs: ['memory-bar'],
    run: (context) => {
      const { bar, check } = context
      const bad = NtStatus.STATUS_INVALID_PARAMETER_1
      const start = startOf(context, bar.index)
      const statusOf = (...ranges: readonly Range[]): number => tryAllocate(context, ranges).status
      check.equal(statusOf([physicalAddress(start + 16n), PAGE_SIZE]), bad, 'a start inside a page')
      check.equal(statusOf([start, PAGE_SIZE - 1]), bad, 'a part of a page')
      check.equal(statusOf([start, 0]), bad, 'no bytes')
      const pages = allocate(context, PAGE_SIZE)
      const ram = physicalAddress((MmGetMdlPfnArray(pages)[0] ?? 0n) * PAGE)
      check.equal(statusOf([ram, PAGE_SIZE]), bad, 'RAM')
      check.equal(statusOf([start, PAGE_SIZE], [ram, PAGE_SIZE]), bad, 'RAM after a page of the device')
      release(context, pages)
      const many = Math.floor(2 ** 32 / bar.size)
      if (many <= MOST_ENTRIES) {
        check.equal(statusOf(...Array.from({ length: many }, () => [start, bar.size] as const)), bad, '4 GiB in all')
      }
      const { status, mdl } = tryAllocate(context, [[start, PAGE_SIZE]])
      check.equal(status, NtStatus.STATUS_SUCCESS, 'status for a page of the device')
      context.ddi.io.IoFreeMdl(check.present(mdl, 'the MDL'))
    },
  },
  {
    id: 'mdl/io-space-is-marked',
    title: 'an I/O-space MDL is unmapped, marked, has its ranges in their order, and goes back by IoFreeMdl',
    rules: ['MDL-133', 'MDL-134', 'VER-011/0x89'],
    needs: ['constant-register', 'long-bar'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const before = kernel.pool.blocks
      const { page, other, within, mask, value } = twoPages(context)
      const mdl = mustAllocate(context, [other, PAGE_SIZE], [page, PAGE_SIZE])
      check.equal(MmGetMdlByteCount(mdl), 2 * PAGE_SIZE, 'ByteCount')
      check.equal(MmGetMdlVirtualAddress(mdl), 0n, 'the virtual address')
      check.equal(MmGetMdlPfnArray(mdl).join(), [other / PAGE, page / PAGE].join(), 'page numbers')
      check.ok(mdl.has(MDL_IO_SPACE), 'IO_SPACE')
      check.ok(mdl.has(MDL_PAGES_LOCKED), 'PAGES_LOCKED')
      check.ok(!mdl.has(MDL_MAPPED_TO_SYSTEM_VA), 'MAPPED_TO_SYSTEM_VA is clear')
      mdl.MdlFlags &= ~MDL_IO_SPACE
      check.bugCheck(0xc4, 0x89, 'mapping it without the mark', () => mapSystem(context, mdl, MmNonCached))
      mdl.MdlFlags |= MDL_IO_SPACE
      const view = mapSystem(context, mdl, MmNonCached)
      check.bugCheck(0xc4, 0xb8, 'freeing it while it is mapped', () => ddi.io.IoFreeMdl(mdl))
      const read = (): number => ddi.registers.READ_REGISTER_ULONG(va(view + PAGE + within))
      check.equal((read() & mask) >>> 0, value, 'the register in the second page')
      ddi.mm.MmUnmapLockedPages(view, mdl)
      check.callerError('DXM-022', 'a register after it is unmapped', read)
      ddi.io.IoFreeMdl(mdl)
      check.equal(kernel.pool.blocks, before, 'pool blocks in use after IoFreeMdl')
    },
  },
  {
    id: 'mdl/io-space-shows-registers',
    title: 'through a view of an I/O-space MDL the device answers a register at its offset, wherever its page comes',
    rules: ['MDL-132', 'MDL-133', 'MDL-135'],
    needs: ['constant-register', 'long-bar'],
    run: (context) => {
      const { check, ddi } = context
      const { page, other, within, mask, value } = twoPages(context)
      const orders: readonly (readonly [string, readonly Range[], number])[] = [
        [
          'first',
          [
            [page, PAGE_SIZE],
            [other, PAGE_SIZE],
          ],
          0,
        ],
        [
          'last',
          [
            [other, PAGE_SIZE],
            [page, PAGE_SIZE],
          ],
          PAGE_SIZE,
        ],
        [
          'twice',
          [
            [page, PAGE_SIZE],
            [page, PAGE_SIZE],
          ],
          PAGE_SIZE,
        ],
      ]
      for (const [name, ranges, at] of orders) {
        const mdl = mustAllocate(context, ...ranges)
        const view = mapSystem(context, mdl, MmNonCached)
        const register = va(view + BigInt(at) + within)
        const read = ddi.registers.READ_REGISTER_ULONG(register)
        check.equal((read & mask) >>> 0, value, `the register, its page ${name}`)
        ddi.mm.MmUnmapLockedPages(view, mdl)
        ddi.io.IoFreeMdl(mdl)
      }
    },
  },
]

type Range = readonly [start: PhysicalAddress, bytes: number]

/** So many entries fit into the pool beside all else. */
const MOST_ENTRIES = 8192

/** The page of a BAR that has the constant register, and how far into it; and a page beside it. */
function twoPages(context: Context) {
  const { region, offset, mask, value } = context.register('constant')
  const within = BigInt(offset % PAGE_SIZE)
  const page = physicalAddress(startOf(context, region) + BigInt(offset) - within)
  const other = physicalAddress(offset < PAGE_SIZE ? page + PAGE : page - PAGE)
  return { page, other, within, mask, value }
}

/** The translated start of a BAR, from the resource list (DXM-010). */
function startOf({ check, ddi, device }: Context, index: number): PhysicalAddress {
  const info: Out<DXGK_DEVICE_INFO> = {}
  check.equal(ddi.dxgk.DxgkCbGetDeviceInformation(ddi.dxgk.DeviceHandle, info), 0, 'DxgkCbGetDeviceInformation')
  const position = device.regions.findIndex((bar) => bar.index === index)
  return check.present(info.value, 'the device information').TranslatedResourceList.resource(position).Start
}

function tryAllocate(
  { check, ddi, kernel }: Context,
  ranges: readonly Range[],
): { readonly status: number; readonly mdl: Mdl | undefined } {
  const block = check.present(kernel.pool.allocate(16 * ranges.length), 'memory for the list')
  const list = new PhysicalAddressList(block)
  ranges.forEach(([start, bytes], i) => {
    list.entry(i).set('PhysicalAddress', start)
    list.entry(i).set('NumberOfBytes', BigInt(bytes))
  })
  const out: Out<Mdl> = {}
  const status = ddi.mm.MmAllocateMdlForIoSpace(list, ranges.length, out)
  kernel.pool.free(block.address)
  return { status, mdl: out.value }
}

function mustAllocate(context: Context, ...ranges: readonly Range[]): Mdl {
  const { status, mdl } = tryAllocate(context, ranges)
  context.check.equal(status, NtStatus.STATUS_SUCCESS, 'MmAllocateMdlForIoSpace')
  return context.check.present(mdl, 'the MDL')
}
