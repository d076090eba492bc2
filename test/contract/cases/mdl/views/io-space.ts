import { physicalAddress, va } from '../../../../../src/base/address.ts'
import { NtStatus } from '../../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../../src/base/pages.ts'
import { MdlFlags, type Out } from '../../../../../src/ddi/constants.ts'
import type { PhysicalAddressList } from '../../../../../src/ddi/mm/io-space/physical-address-list.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { mapping, mm, registers } from '../../plants/broken-ddi.ts'
import { freeing, swallow } from '../../plants/broken-io.ts'
import { regions, views } from '../../plants/broken-platform.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const { MDL_IO_SPACE, MDL_PAGES_LOCKED } = MdlFlags

interface Asked {
  readonly list: PhysicalAddressList
  readonly count: number
  readonly out: Out<Mdl>
}

const allocating = (allocate: (mm: Mm, asked: Asked) => NtStatus): Plant =>
  mm((mm) => ({ MmAllocateMdlForIoSpace: (list, count, out) => allocate(mm, { list, count, out }) }))

/** Every range is changed before the routine sees it. */
const ranges = (change: (start: bigint, bytes: bigint) => readonly [bigint, bigint]): Plant =>
  allocating((mm, { list, count, out }) => {
    for (let i = 0; i < count; i++) {
      const entry = list.entry(i)
      const [start, bytes] = change(entry.get('PhysicalAddress'), entry.get('NumberOfBytes'))
      entry.set('PhysicalAddress', start)
      entry.set('NumberOfBytes', bytes)
    }
    return mm.MmAllocateMdlForIoSpace(list, count, out)
  })

/** The MDL is spoilt. */
const mdls = (spoil: (mdl: Mdl) => void): Plant =>
  allocating((mm, { list, count, out }) => {
    const status = mm.MmAllocateMdlForIoSpace(list, count, out)
    if (out.value !== undefined) {
      spoil(out.value)
      mm.accept(out.value)
    }
    return status
  })

const page = BigInt(PAGE_SIZE)
const ascending = (one: bigint, other: bigint): number => (one < other ? -1 : 1)

/** Addresses of RAM give a page of the device. */
const ramTaken = allocating((mm, { list, count, out }) => {
  const status = mm.MmAllocateMdlForIoSpace(list, count, out)
  const whole = (bytes: bigint): boolean => bytes > 0n && bytes < 0x10_0000n && bytes % page === 0n
  const sound = Array.from({ length: count }, (_, i) => list.entry(i)).every(
    (entry) => entry.get('PhysicalAddress') % page === 0n && whole(entry.get('NumberOfBytes')),
  )
  return status === NtStatus.STATUS_INVALID_PARAMETER_1 && sound ? NtStatus.STATUS_SUCCESS : status
})

/** Defects for the cases of I/O-space MDLs. */
export const ioSpaceDefects: Defects = {
  'mdl/io-space-takes-whole-device-pages': [
    planted(
      'a start is rounded',
      'a start inside a page',
      ranges((start, bytes) => [start & ~(page - 1n), bytes]),
    ),
    planted(
      'a length is rounded up',
      'a part of a page',
      ranges((start, bytes) => [start, bytes === 0n ? 0n : ((bytes + page - 1n) / page) * page]),
    ),
    planted(
      'nothing is a page',
      'no bytes',
      ranges((start, bytes) => [start, bytes === 0n ? page : bytes]),
    ),
    planted('RAM is taken', 'RAM', ramTaken),
    planted(
      'only the first range is looked at',
      'RAM after a page',
      allocating((mm, { list, count, out }) => mm.MmAllocateMdlForIoSpace(list, count === 2 ? 1 : count, out)),
    ),
    planted(
      'the sum is not checked',
      '4 GiB in all',
      allocating((mm, { list, count, out }) => mm.MmAllocateMdlForIoSpace(list, count > 2 ? 1 : count, out)),
    ),
    planted(
      'the device has no pages',
      'status for a page of the device',
      allocating((mm, { list, count, out }) => {
        const status = mm.MmAllocateMdlForIoSpace(list, count, out)
        return status === NtStatus.STATUS_SUCCESS ? NtStatus.STATUS_NOT_SUPPORTED : status
      }),
    ),
  ],
  'mdl/io-space-is-marked': [
    planted(
      'one range is left out',
      'ByteCount',
      allocating((mm, { list, out }) => mm.MmAllocateMdlForIoSpace(list, 1, out)),
    ),
    planted(
      'it has an address',
      'the virtual address',
      mdls((mdl) => mdl.header.set('StartVa', 0x1000n)),
    ),
    planted(
      'ranges are sorted',
      'page numbers',
      mdls((mdl) => mdl.slots().set(mdl.slots().toReversed())),
    ),
    planted(
      'it is not marked',
      'IO_SPACE',
      mdls((mdl) => void (mdl.MdlFlags &= ~MDL_IO_SPACE)),
    ),
    planted(
      'it says that nothing is locked',
      'PAGES_LOCKED',
      mdls((mdl) => void (mdl.MdlFlags &= ~MDL_PAGES_LOCKED)),
    ),
    planted(
      'it says that it is mapped',
      'MAPPED_TO_SYSTEM_VA is clear',
      mdls((mdl) => void (mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)),
    ),
    planted(
      'the mark is not needed',
      'without the mark',
      mapping((mm, mdl, ...rest) => {
        mdl.MdlFlags |= MDL_IO_SPACE
        return mm.MmMapLockedPagesSpecifyCache(mdl, ...rest)
      }),
    ),
    planted(
      'it is freed while it is mapped',
      'freeing it while it is mapped',
      freeing((io, mdl) => swallow(() => io.IoFreeMdl(mdl), undefined)),
    ),
    planted(
      'it is mapped anew',
      'a register after it is unmapped',
      mm((mm) => ({
        MmUnmapLockedPages(address, mdl) {
          mm.MmUnmapLockedPages(address, mdl)
          mm.MmMapLockedPagesSpecifyCache(mdl, 0, 0, va(0n), false, 16)
        },
      })),
    ),
    planted(
      'its memory is kept',
      'pool blocks in use',
      freeing((io, mdl) => (mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA) ? io.IoFreeMdl(mdl) : undefined)),
    ),
  ],
  'mdl/io-space-shows-registers': [
    planted(
      'the ranges come in the order of their addresses',
      'its page last',
      allocating((mm, { list, count, out }) => {
        const starts = Array.from({ length: count }, (_, i) => list.entry(i).get('PhysicalAddress')).toSorted(ascending)
        starts.forEach((start, i) => list.entry(i).set('PhysicalAddress', start))
        return mm.MmAllocateMdlForIoSpace(list, count, out)
      }),
    ),
    planted(
      'every view begins a page further on',
      'its page first',
      regions((bar) => ({ map: (offset, length, at) => bar.map(offset + PAGE_SIZE, length, at) })),
    ),
    planted(
      'the register is at another offset',
      'the register, its page first',
      views((view) => ({ read32: (offset) => view.read32(offset + 4) })),
    ),
    planted(
      'reads are halves',
      'the register, its page first',
      registers((registers) => ({ READ_REGISTER_ULONG: (at) => registers.READ_REGISTER_USHORT(at) })),
    ),
    planted(
      'the second part of a view shows nothing',
      'the register, its page last',
      registers((registers) => {
        let reads = 0
        return {
          READ_REGISTER_ULONG: (at) => (reads++ === 1 ? 0xffff_ffff : registers.READ_REGISTER_ULONG(va(at))),
        }
      }),
    ),
    planted(
      'a page of the device is refused',
      'MmAllocateMdlForIoSpace',
      ranges((start, bytes) => [physicalAddress(start + 1n), bytes]),
    ),
  ],
}
