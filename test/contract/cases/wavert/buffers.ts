import { type PhysicalAddress, physicalAddress, va } from '../../../../src/base/address.ts'
import { BugCheck, codeOf } from '../../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { portcls } from '../plants/broken-ddi.ts'
import { reversed, viewsOf } from '../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../plants/defect.ts'

const ANYWHERE = physicalAddress(0xffff_ffff_ffff_ffffn)
const moved = (address: PhysicalAddress, pages: bigint): PhysicalAddress =>
  physicalAddress(address + pages * BigInt(PAGE_SIZE))

/** Defects for the cases of WaveRT buffers. */
export const bufferDefects: Defects = {
  'wavert/allocation-below-the-limit': [
    planted(
      'the limit is ignored',
      'lies below the limit',
      portcls((port) => ({ AllocatePagesForMdl: (_, bytes) => port.AllocatePagesForMdl(ANYWHERE, bytes) })),
    ),
    planted(
      'rounds down',
      'ByteCount',
      portcls((port) => ({ AllocatePagesForMdl: (high, bytes) => port.AllocatePagesForMdl(high, bytes & ~4095) })),
    ),
    planted(
      'counts a page too many',
      'GetPhysicalPagesCount',
      portcls((port) => ({ GetPhysicalPagesCount: (mdl) => port.GetPhysicalPagesCount(mdl) + 1 })),
    ),
  ],
  'wavert/contiguous-all-or-nothing': [
    planted(
      'pages are scattered',
      'address of page 1',
      portcls((port) => ({ AllocateContiguousPagesForMdl: (_, high, bytes) => port.AllocatePagesForMdl(high, bytes) })),
    ),
    planted(
      'part of it where not all fits',
      'one page more than fits',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (low, high, bytes) =>
          port.AllocateContiguousPagesForMdl(low, high, bytes) ?? port.AllocatePagesForMdl(high, bytes),
      })),
    ),
    planted(
      'the bounds are ignored',
      'the only place inside the bounds',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (_low, _high, bytes) =>
          port.AllocateContiguousPagesForMdl(physicalAddress(0n), ANYWHERE, bytes),
      })),
    ),
    planted(
      'the lower bound is ignored',
      'the only place inside the bounds',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (_, high, bytes) =>
          port.AllocateContiguousPagesForMdl(physicalAddress(0n), high, bytes),
      })),
    ),
    planted(
      'the upper bound is short of a page',
      'all that fit',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (low, high, bytes) =>
          port.AllocateContiguousPagesForMdl(low, moved(high, -1n), bytes),
      })),
    ),
    planted(
      'rounds down',
      'pages, rounded up',
      portcls((port) => ({
        AllocateContiguousPagesForMdl: (low, high, bytes) =>
          port.AllocateContiguousPagesForMdl(low, high, bytes & ~4095),
      })),
    ),
  ],
  'wavert/mapping-follows-the-pages': [
    planted('the view shows the pages backwards', 'page 0', reversed),
    planted(
      'the view is off the page',
      'offset within the page',
      portcls((port) => ({ MapAllocatedPages: (...args) => va((port.MapAllocatedPages(...args) ?? 0n) + 16n) })),
    ),
    planted(
      'addresses are in another order',
      'page 0',
      portcls((port) => ({ GetPhysicalPageAddress: (mdl, i) => port.GetPhysicalPageAddress(mdl, 4 - i) })),
    ),
    planted(
      'write-combined is not supported',
      'the port’s view',
      portcls(() => ({ MapAllocatedPages: () => null })),
    ),
  ],
  'wavert/device-plays-what-was-written': [
    fault('dma-reads-zeros', 'what the device received'),
    fault('dma-drops-last-byte', 'what the device received'),
    fault('dma-page-offset-lost', 'what the device received'),
    planted(
      'the port shows other pages',
      'what the device received',
      viewsOf((pages) => pages.map((page) => page + 1)),
    ),
  ],
  'wavert/page-index-below-the-count': [
    planted(
      'indices count from 1',
      'address of page 1',
      portcls((port) => ({ GetPhysicalPageAddress: (mdl, i) => port.GetPhysicalPageAddress(mdl, Math.max(0, i - 1)) })),
    ),
    planted(
      'an index too high gives the last page',
      'address at the count as an index',
      portcls((port) => ({ GetPhysicalPageAddress: (mdl, i) => port.GetPhysicalPageAddress(mdl, Math.min(2, i)) })),
    ),
    planted(
      'an index too high is taken for none',
      'what was reported of the count as an index',
      portcls((port) => ({
        GetPhysicalPageAddress: (mdl, i) =>
          i < port.GetPhysicalPagesCount(mdl) ? port.GetPhysicalPageAddress(mdl, i) : physicalAddress(0n),
      })),
    ),
    planted(
      'it is the page number',
      'address of page 0',
      portcls((port) => ({
        GetPhysicalPageAddress: (mdl, i) => physicalAddress(port.GetPhysicalPageAddress(mdl, i) >> 12n),
      })),
    ),
    planted(
      'no page is counted',
      'GetPhysicalPagesCount',
      portcls(() => ({ GetPhysicalPagesCount: () => 0 })),
    ),
  ],
  'wavert/free-while-mapped': [
    planted(
      'it is put off',
      'freeing while mapped',
      portcls((port) => ({
        FreePagesFromMdl(mdl) {
          try {
            port.FreePagesFromMdl(mdl)
          } catch (error) {
            if (!(error instanceof BugCheck)) throw error
          }
        },
      })),
    ),
    planted(
      'a freed MDL has no pages',
      'using the MDL after it was freed',
      portcls((port) => ({
        GetPhysicalPagesCount(mdl) {
          try {
            return port.GetPhysicalPagesCount(mdl)
          } catch (error) {
            if (codeOf(error) !== 'caller-error') throw error
            return 0
          }
        },
      })),
    ),
  ],
}
