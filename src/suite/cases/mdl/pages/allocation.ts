import { physicalAddress, va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MM_ALLOCATE, MdlFlags } from '../../../../ddi/constants.ts'
import {
  EMPTY_SLOT,
  type Mdl,
  MmGetMdlByteCount,
  MmGetMdlByteOffset,
  MmGetMdlPfnArray,
  MmGetMdlVirtualAddress,
  MmSizeOfMdl,
} from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import { frameBytes, homeBytes, mdlBytes, walkList } from '../../parts/home-bytes.ts'
import { FREED_BYTE } from '../../../../memory/frame-store.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  ANYWHERE,
  MmCached,
  ZERO,
  allocate,
  mapSystem,
  openAdapter,
  putList,
  mustGetList,
  release,
} from '../../parts/buffers.ts'
import { type Bounds, windowOf } from '../../parts/windows.ts'

const PAGE = BigInt(PAGE_SIZE)
const { MM_ALLOCATE_FULLY_REQUIRED, MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS, MM_DONT_ZERO_ALLOCATION } = MM_ALLOCATE

const pfns = (mdl: Mdl): readonly bigint[] => [...MmGetMdlPfnArray(mdl)]

export const allocationCases: readonly Case[] = [
  {
    id: 'mdl/header-and-array-in-place',
    title: 'header members and page numbers lie at their x64 offsets, in the bytes that a driver sees',
    rules: ['MDL-001', 'MDL-002', 'MDL-003'],
    run: (context) => {
      const { check, kernel } = context
      const mdl = allocate(context, 3 * PAGE_SIZE)
      const view = mapSystem(context, mdl)
      kernel.memory.write(view, orderPattern(3 * PAGE_SIZE, 31))
      const bytes = homeBytes(context, mdl.address, mdlBytes(3))
      check.equal(bytes.getUint16(8, true), mdlBytes(3), 'Size at byte 8')
      check.equal(bytes.getUint16(10, true) & 3, 3, 'MdlFlags at byte 10, locked and mapped')
      check.equal(bytes.getBigUint64(24, true), view, 'MappedSystemVa at byte 24')
      check.equal(bytes.getBigUint64(32, true), 0n, 'StartVa at byte 32')
      check.equal(bytes.getUint32(40, true), 3 * PAGE_SIZE, 'ByteCount at byte 40')
      check.equal(bytes.getUint32(44, true), 0, 'ByteOffset at byte 44')
      for (let i = 0; i < 3; i++) {
        const expected = orderPattern(3 * PAGE_SIZE, 31).subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE)
        const pfn = bytes.getBigUint64(48 + 8 * i, true)
        check.bytes(frameBytes(context, pfn), expected, `page ${i}, by its number behind the header`)
      }
      release(context, mdl)
    },
  },
  {
    id: 'mdl/rounds-up-and-spans',
    title: 'a request is rounded up to whole pages, and the span of the result is its number of page numbers',
    rules: ['MDL-004', 'MDL-007', 'MDL-113'],
    run: (context) => {
      const { check } = context
      const mdl = allocate(context, 5 * PAGE_SIZE + 1)
      check.equal(MmGetMdlByteCount(mdl), 6 * PAGE_SIZE, 'ByteCount')
      check.equal(pfns(mdl).length, 6, 'valid page numbers')
      pfns(mdl).forEach((pfn, i) => check.present(context.frames.indexOf(Number(pfn)), `a frame for page ${i}`))
      check.equal(new Set(pfns(mdl)).size, 6, 'different page numbers')
      check.equal(mdl.header.get('Size'), mdlBytes(6), 'Size')
      check.equal(MmSizeOfMdl(va(PAGE - 1n), 2), mdlBytes(2), 'MmSizeOfMdl of 2 bytes across a page end')
      release(context, mdl)
    },
  },
  {
    id: 'mdl/starts-locked-and-unmapped',
    title: 'a page allocation has no address, is locked and is not mapped',
    rules: ['MDL-114'],
    run: (context) => {
      const { check } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      check.equal(MmGetMdlVirtualAddress(mdl), 0n, 'virtual address')
      check.equal(MmGetMdlByteOffset(mdl), 0, 'ByteOffset')
      check.equal(mdl.header.get('Process'), 0n, 'Process')
      check.equal(mdl.MdlFlags & MdlFlags.MDL_PAGES_LOCKED, MdlFlags.MDL_PAGES_LOCKED, 'PAGES_LOCKED')
      check.equal(mdl.MdlFlags & MdlFlags.MDL_MAPPED_TO_SYSTEM_VA, 0, 'MAPPED_TO_SYSTEM_VA')
      release(context, mdl)
    },
  },
  {
    id: 'mdl/pages-inside-window',
    title: 'every page lies inside the window and none is given out twice',
    rules: ['MDL-110', 'MDL-126'],
    run: (context) => {
      const { check } = context
      const { low, high } = windowOf(context, 32)
      const first = allocate(context, 8 * PAGE_SIZE, { low, high })
      const second = allocate(context, 8 * PAGE_SIZE, { low, high })
      const all = [...pfns(first), ...pfns(second)]
      check.equal(all.length, 16, 'pages of both lists')
      check.ok(
        all.every((pfn) => pfn * PAGE >= low && pfn * PAGE <= high),
        'all pages inside the window',
      )
      check.equal(new Set(all).size, all.length, 'different pages')
      release(context, first)
      release(context, second)
    },
  },
  {
    id: 'mdl/window-slides-by-skip',
    title: 'when a window is used up it slides by SkipBytes, both ends',
    rules: ['MDL-110'],
    run: (context) => {
      const { check } = context
      const { low } = windowOf(context, 9)
      const high = physicalAddress(low + PAGE - 1n)
      const mdl = allocate(context, 3 * PAGE_SIZE, { low, high, skip: physicalAddress(4n * PAGE) })
      check.equal(
        pfns(mdl)
          .map((pfn) => (pfn * PAGE - low) / PAGE)
          .join(),
        '0,4,8',
        'pages from the first window',
      )
      release(context, mdl)
    },
  },
  {
    id: 'mdl/misaligned-skip-gives-null',
    title: 'SkipBytes that is no multiple of the page size gives NULL, one that is gives pages',
    rules: ['MDL-111'],
    run: (context) => {
      const { check, ddi } = context
      release(context, allocate(context, PAGE_SIZE, { skip: physicalAddress(PAGE) }))
      const mdl = ddi.mm.MmAllocatePagesForMdlEx(ZERO, ANYWHERE, physicalAddress(PAGE + 1n), PAGE_SIZE, MmCached, 0)
      check.absent(mdl, 'the result')
    },
  },
  {
    id: 'mdl/partial-success',
    title: 'a window with too few pages gives what it has, or NULL with MM_ALLOCATE_FULLY_REQUIRED',
    rules: ['MDL-112', 'MDL-117'],
    run: (context) => {
      const { check, ddi } = context
      const { low, high } = windowOf(context, 3)
      const mdl = allocate(context, 8 * PAGE_SIZE, { low, high })
      check.equal(MmGetMdlByteCount(mdl), 3 * PAGE_SIZE, 'ByteCount of the partial result')
      release(context, mdl)
      const flags = MM_ALLOCATE_FULLY_REQUIRED
      check.absent(
        ddi.mm.MmAllocatePagesForMdlEx(low, high, ZERO, 4 * PAGE_SIZE, MmCached, flags),
        'one page too many, with FULLY_REQUIRED',
      )
    },
  },
  {
    id: 'mdl/contiguous-block',
    title: 'MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS without skip gives one block, or NULL, never part of it',
    rules: ['MDL-118'],
    run: (context) => {
      const { check, ddi } = context
      const flags = MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS
      const mdl = allocate(context, 16 * PAGE_SIZE, { flags })
      const [first = 0n] = pfns(mdl)
      pfns(mdl).forEach((pfn, i) => check.equal(pfn, first + BigInt(i), `page number ${i}`))
      const low = physicalAddress(first * PAGE)
      const high = physicalAddress((first + 16n) * PAGE - 1n)
      release(context, mdl)
      check.absent(
        ddi.mm.MmAllocatePagesForMdlEx(low, high, ZERO, 17 * PAGE_SIZE, MmCached, flags),
        'one page too many',
      )
    },
  },
  {
    id: 'mdl/size-limit',
    title: 'a request of 0 bytes or of more than 4 GiB - 4096 gives NULL, one of 4 GiB - 4096 what there is',
    rules: ['MDL-116'],
    run: (context) => {
      const { check, ddi } = context
      release(context, allocate(context, 0x1_0000_0000 - PAGE_SIZE))
      for (const bytes of [0, 0x1_0000_0000 - PAGE_SIZE + 1]) {
        check.absent(ddi.mm.MmAllocatePagesForMdlEx(ZERO, ANYWHERE, ZERO, bytes, MmCached, 0), `${bytes} bytes`)
      }
    },
  },
  {
    id: 'mdl/device-reads-zeros-from-fresh-pages',
    title: 'pages in which the device saw other data read as zeros to it once they are allocated anew',
    rules: ['MDL-115', 'MDL-126'],
    needs: ['engine'],
    run: async (context) => {
      const window = windowOf(context, 2)
      const old = allocateWhole(context, window)
      context.kernel.memory.fill(mapSystem(context, old), 2 * PAGE_SIZE, 0x5a)
      await checkDeviceReads(context, old, { offset: PAGE_SIZE - 32, length: 64, byte: 0x5a })
      release(context, old)
      const fresh = allocateWhole(context, window)
      await checkDeviceReads(context, fresh, { offset: 0, length: 2 * PAGE_SIZE, byte: 0 })
      release(context, fresh)
    },
  },
  {
    id: 'mdl/unzeroed-pages-are-left-alone',
    title: 'with MM_DONT_ZERO_ALLOCATION nobody zeroes a page: what the allocator left in it is still there',
    rules: ['MDL-115'],
    run: (context) => {
      const { low, high } = windowOf(context, 1)
      const mdl = allocate(context, PAGE_SIZE, { low, high, flags: MM_DONT_ZERO_ALLOCATION })
      const bytes = context.kernel.memory.read(mapSystem(context, mdl), PAGE_SIZE)
      context.check.filled(bytes, FREED_BYTE, 'a page that was in use before')
      release(context, mdl)
    },
  },
  {
    id: 'mdl/free-empties-the-slots',
    title:
      'MmFreePagesFromMdl gives the pages back and leaves no lock and no page number, ExFreePool gives the MDL back',
    rules: ['MDL-123', 'MDL-124'],
    run: (context) => {
      const { check, ddi, frames, kernel } = context
      const before = { frames: frames.allocated, blocks: kernel.pool.blocks }
      const mdl = allocate(context, 2 * PAGE_SIZE)
      ddi.mm.MmFreePagesFromMdl(mdl)
      check.equal(mdl.MdlFlags & MdlFlags.MDL_PAGES_LOCKED, 0, 'PAGES_LOCKED')
      pfns(mdl).forEach((pfn, i) => check.equal(pfn, EMPTY_SLOT, `slot ${i}`))
      check.equal(frames.allocated, before.frames, 'frames in use after MmFreePagesFromMdl')
      check.bugCheck(0x1a, 0x1236, 'freeing again', () => ddi.mm.MmFreePagesFromMdl(mdl))
      ddi.mm.ExFreePool(mdl)
      check.equal(kernel.pool.blocks, before.blocks, 'pool blocks in use after ExFreePool')
    },
  },
]

/** Both pages of a window of two (MDL-126). */
function allocateWhole(context: Context, { low, high }: Bounds): Mdl {
  const { check } = context
  const mdl = allocate(context, 2 * PAGE_SIZE, { low, high })
  check.equal(
    pfns(mdl)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join(),
    [low / PAGE, high / PAGE].join(),
    'the pages of the window, each once',
  )
  return mdl
}

interface Expected {
  readonly offset: number
  readonly length: number
  readonly byte: number
}

async function checkDeviceReads(context: Context, mdl: Mdl, { offset, length, byte }: Expected): Promise<void> {
  const { check, engine, signal } = context
  const adapter = openAdapter(context)
  const list = mustGetList(context, adapter, mdl, { offset, length, writeToDevice: true })
  check.filled(await engine.read(walkList(context, list), { signal }), byte, `what the device read, ${length} bytes`)
  putList(context, adapter, list, true)
}
