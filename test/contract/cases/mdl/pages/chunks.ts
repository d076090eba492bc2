import { physicalAddress } from '../../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../../src/base/pages.ts'
import { MM_ALLOCATE } from '../../../../../src/ddi/constants.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { allocating, mdls } from '../../plants/broken-ddi.ts'
import { frames, viewsOf } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const { MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS: CHUNKS, MM_ALLOCATE_FULLY_REQUIRED } = MM_ALLOCATE
const without = (flag: number): Plant => allocating(({ flags }) => ({ flags: flags & ~flag }))

/** Chunks begin a page past their alignment. */
const misaligned = frames((store) => ({
  allocate(request) {
    if (request.alignment !== 4) return store.allocate(request)
    const spare = store.allocate({ ...request, count: 8, alignment: 4 })
    store.free(spare)
    return store.allocate({ count: 4, contiguous: true, low: store.physicalAddress((spare[0] ?? 0) + 1) })
  },
}))

/** Chunks of half the size, so that two of them make one that may have a gap. */
const halved = allocating(({ skip, flags }) =>
  (flags & CHUNKS) === 0 || skip === 0n ? {} : { skip: physicalAddress(skip / 2n) },
)

/** Defects for the cases of chunks. */
export const chunkDefects: Defects = {
  'mdl/chunks-are-whole-and-aligned': [
    planted('pages are scattered', 'page 1', without(CHUNKS)),
    planted('chunks are not aligned', 'offset from its alignment', misaligned),
    planted(
      'a page is there twice',
      'different pages',
      mdls((mdl) => mdl.slots().length === 12 && void mdl.slots().copyWithin(8, 4, 8)),
    ),
    planted(
      'ByteCount is one chunk',
      'ByteCount',
      mdls((mdl) => mdl.header.set('ByteCount', 4 * PAGE_SIZE)),
    ),
    planted(
      'the view shows the pages backwards',
      'as the device read them',
      viewsOf((indices) => indices.toReversed()),
    ),
    fault('dma-wrong-page', 'as the device read them'),
    fault('dma-shifts-by-one', 'as the device read them'),
  ],
  'mdl/chunks-are-never-cut': [
    planted('half chunks count', 'ByteCount', halved),
    planted('FULLY_REQUIRED is ignored', 'all required', without(MM_ALLOCATE_FULLY_REQUIRED)),
    planted(
      'all or nothing',
      'pages for an MDL',
      allocating(({ flags }) => ({ flags: flags | MM_ALLOCATE_FULLY_REQUIRED })),
    ),
    planted(
      'the last chunk has pages of another',
      'chunk 1, page 3',
      mdls((mdl) => mdl.slots().length === 8 && void (mdl.slots()[7] = (mdl.slots()[7] ?? 0n) + 1n)),
    ),
  ],
  'mdl/chunks-of-odd-sizes-give-null': [
    planted(
      'any size is taken',
      'chunks of three pages',
      allocating(({ skip }) => (skip === 0x3000n ? { skip: physicalAddress(0x1000n) } : {})),
    ),
    planted(
      'the length is rounded',
      'a chunk and a page',
      allocating(({ skip, bytes }) => ({ bytes: skip === 0x4000n ? bytes - (bytes % Number(skip)) : bytes })),
    ),
    planted(
      'a page is no chunk',
      'a chunk of one page',
      allocating(({ skip }) => (skip === 0x1000n ? { bytes: 0 } : {})),
    ),
  ],
}
