import { physicalAddress } from '../../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../../src/base/pages.ts'
import { MM_ALLOCATE, MdlFlags } from '../../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import { allocating, mapped, mdls, mm } from '../../plants/broken-ddi.ts'
import { contiguousOrAny, frames, givenTwice, reversed, windowIgnored } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const LIMIT = 0x1_0000_0000 - PAGE_SIZE
const ANYWHERE = { low: physicalAddress(0n), high: physicalAddress(0xffff_ffff_ffff_ffffn) }

const without = (flag: number) => allocating(({ flags }) => ({ flags: flags & ~flag }))
const slot = (mdl: Mdl, index: number, pfn: bigint): void => void (mdl.slots()[index] = pfn)

function exchangeSlots(mdl: Mdl, one: number, other: number): void {
  const slots = mdl.slots()
  const [first = 0n, second = 0n] = [slots[one], slots[other]]
  if (Math.max(one, other) < slots.length) slots.set([second], one)
  if (Math.max(one, other) < slots.length) slots.set([first], other)
}

/** Every page number but the first is written as 4 bytes. */
function narrow(mdl: Mdl): void {
  const slots = mdl.slots()
  const words = new Uint32Array(slots.buffer, slots.byteOffset + 8, 2 * (slots.length - 1))
  words.set([...slots.subarray(1)].map(Number))
}

/** Defects for the cases of MDL allocation. */
export const allocationDefects: Defects = {
  'mdl/header-and-array-in-place': [
    planted(
      'Size counts the header only',
      'Size at byte 8',
      mdls((mdl) => mdl.header.set('Size', 48)),
    ),
    planted(
      'the flags are not set',
      'MdlFlags at byte 10',
      mapped((mdl) => void (mdl.MdlFlags = 0x2)),
    ),
    planted(
      'the address is not noted',
      'MappedSystemVa',
      mapped((mdl) => mdl.header.set('MappedSystemVa', 0n)),
    ),
    planted(
      'the buffer starts at the view',
      'StartVa',
      mapped((mdl) => mdl.header.set('StartVa', 0x1000n)),
    ),
    planted(
      'ByteCount counts pages',
      'ByteCount',
      mdls((mdl) => mdl.header.set('ByteCount', 3)),
    ),
    planted(
      'ByteOffset is not cleared',
      'ByteOffset',
      mapped((mdl) => mdl.header.set('ByteOffset', 16)),
    ),
    planted(
      'page numbers are out of order',
      'page 1',
      mdls((mdl) => exchangeSlots(mdl, 1, 2)),
    ),
    planted('page numbers have 4 bytes', 'the frame with the number', mdls(narrow)),
    planted('the view shows the pages backwards', 'page 0', reversed),
  ],
  'mdl/rounds-up-and-spans': [
    planted(
      'rounds down',
      'ByteCount',
      allocating(({ bytes }) => ({ bytes: Math.max(4096, bytes & ~4095) })),
    ),
    planted(
      'the last page number is not filled',
      'a frame for page 5',
      mdls((mdl) => slot(mdl, 5, 0n)),
    ),
    planted(
      'a page is there twice',
      'different page numbers',
      mdls((mdl) => slot(mdl, 5, mdl.slots()[4] ?? 0n)),
    ),
    planted(
      'Size counts the header only',
      'Size',
      mdls((mdl) => mdl.header.set('Size', 48)),
    ),
  ],
  'mdl/starts-locked-and-unmapped': [
    planted(
      'StartVa is set',
      'virtual address',
      mdls((mdl) => mdl.header.set('StartVa', 0x1000n)),
    ),
    planted(
      'ByteOffset is set',
      'virtual address',
      mdls((mdl) => mdl.header.set('ByteOffset', 1)),
    ),
    planted(
      'the process is noted',
      'Process',
      mdls((mdl) => mdl.header.set('Process', 1n)),
    ),
    planted(
      'the pages are not locked',
      'PAGES_LOCKED',
      mdls((mdl, mm) => mm.MmFreePagesFromMdl(mdl)),
    ),
    planted(
      'it says that it is mapped',
      'MAPPED_TO_SYSTEM_VA',
      mdls((mdl) => void (mdl.MdlFlags |= 0x1)),
    ),
  ],
  'mdl/pages-inside-window': [
    planted('the window is ignored', 'all pages inside the window', windowIgnored),
    planted('pages are given out twice', 'different pages', givenTwice),
  ],
  'mdl/window-slides-by-skip': [
    planted(
      'the window stays',
      'pages from the first window',
      allocating(() => ({ skip: physicalAddress(0n) })),
    ),
    planted(
      'it slides too little',
      'got 0,2,4',
      allocating(({ skip }) => ({ skip: physicalAddress(skip / 2n) })),
    ),
    planted(
      'the upper end does not bound it',
      'pages from the first window',
      allocating(() => ANYWHERE),
    ),
  ],
  'mdl/misaligned-skip-gives-null': [
    planted(
      'it is rounded',
      'the result',
      allocating(({ skip }) => ({ skip: physicalAddress(skip & ~4095n) })),
    ),
    planted(
      'any skip is refused',
      'pages for an MDL',
      allocating(({ skip }) => (skip === 0n ? {} : { bytes: 0 })),
    ),
  ],
  'mdl/partial-success': [
    planted(
      'all or nothing',
      'pages for an MDL',
      allocating(({ flags }) => ({ flags: flags | 0x4 })),
    ),
    planted(
      'FULLY_REQUIRED is ignored',
      'one page too many, with FULLY_REQUIRED',
      without(MM_ALLOCATE.MM_ALLOCATE_FULLY_REQUIRED),
    ),
    planted(
      'ByteCount is what was asked for',
      'ByteCount',
      mdls((mdl) => mdl.header.set('ByteCount', 8 * PAGE_SIZE)),
    ),
  ],
  'mdl/contiguous-block': [
    planted('pages are scattered', 'page number 1', without(MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS)),
    planted('scattered where no block fits', 'one page too many', contiguousOrAny),
  ],
  'mdl/size-limit': [
    planted(
      'nothing becomes a page',
      '0 bytes',
      allocating(({ bytes }) => ({ bytes: Math.max(1, bytes) })),
    ),
    planted(
      'cut to the limit',
      '4294963201 bytes',
      allocating(({ bytes }) => ({ bytes: Math.min(bytes, LIMIT) })),
    ),
    planted(
      'the limit is too low',
      'pages for an MDL',
      allocating(({ bytes }) => ({ bytes: bytes >= LIMIT ? 0 : bytes })),
    ),
  ],
  'mdl/device-reads-zeros-from-fresh-pages': [
    planted(
      'nobody zeroes',
      '8192 bytes',
      frames(() => ({ zero: () => undefined })),
    ),
    planted(
      'the first page is zeroed',
      '8192 bytes',
      frames((store) => ({ zero: (f) => store.zero(f.slice(0, 1)) })),
    ),
    planted('the window is ignored', 'the pages of the window', windowIgnored),
    fault('dma-reads-zeros', 'what the device read, 64 bytes'),
    fault('dma-wrong-page', 'what the device read, 64 bytes'),
  ],
  'mdl/unzeroed-pages-are-left-alone': [
    planted('zeroes all the same', 'a page that was in use', without(MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION)),
  ],
  'mdl/free-empties-the-slots': [
    planted(
      'the lock stays',
      'PAGES_LOCKED',
      freed((mdl) => void (mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED)),
    ),
    planted(
      'a page number stays',
      'slot 1',
      freed((mdl) => slot(mdl, 1, 0x8000n)),
    ),
    planted(
      'the pages are kept',
      'frames in use',
      frames(() => ({ free: () => undefined })),
    ),
    planted('freeing again is accepted', 'freeing again', freeingTwice()),
    planted(
      'the MDL is kept',
      'pool blocks in use',
      mm(() => ({ ExFreePool: () => undefined })),
    ),
  ],
}

function freed(spoil: (mdl: Mdl) => void) {
  return mm((mm) => ({
    MmFreePagesFromMdl(mdl) {
      mm.MmFreePagesFromMdl(mdl)
      spoil(mdl)
    },
  }))
}

function freeingTwice() {
  return mm((mm) => ({
    MmFreePagesFromMdl: (mdl) => (mdl.has(MdlFlags.MDL_PAGES_LOCKED) ? mm.MmFreePagesFromMdl(mdl) : undefined),
  }))
}
