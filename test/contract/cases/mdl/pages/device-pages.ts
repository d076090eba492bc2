import { physicalAddress } from '../../../../../src/base/address.ts'
import { MM_ALLOCATE } from '../../../../../src/ddi/constants.ts'
import { allocating } from '../../plants/broken-ddi.ts'
import { domain } from '../../plants/broken-platform.ts'
import { type Defect, type Defects, fault, planted } from '../../plants/defect.ts'

/** The device reaches the frames in another order. */
const backwards = domain((dma) => ({
  map: ({ memory, indices }, ...rest) => dma.map({ memory, indices: indices.toReversed() }, ...rest),
}))

const elsewhere: readonly Defect[] = [
  planted('the last frame comes first on the bus', 'the frame of page 0', backwards),
  fault('dma-writes-lost', 'the frame of page 0'),
  fault('dma-wrong-page', 'the frame of page 0'),
  fault('dma-drops-last-byte', 'the frame of page 0'),
]

/** Defects for the cases in which the device writes to allocated pages. */
export const devicePageDefects: Defects = {
  'mdl/device-writes-the-pages-of-a-sliding-window': [
    planted(
      'the window stays',
      'page numbers',
      allocating(() => ({ skip: physicalAddress(0n) })),
    ),
    ...elsewhere,
  ],
  'mdl/device-writes-a-contiguous-block': [
    planted(
      'pages are scattered',
      'page numbers',
      allocating(({ flags }) => ({ flags: flags & ~MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS })),
    ),
    ...elsewhere,
  ],
}
