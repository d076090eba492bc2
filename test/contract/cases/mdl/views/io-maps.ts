import { va } from '../../../../../src/base/address.ts'
import { mm } from '../../plants/broken-ddi.ts'
import { accepting } from '../../plants/broken-locking.ts'
import { laterViewsOf } from '../../plants/broken-platform.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const otherFrames = (indices: Uint32Array): Uint32Array => indices.map((index) => index + 1)

/** Defects for the cases of I/O mappings. */
export const ioMapDefects: Defects = {
  'mdl/io-mapping-needs-locked-pages': [
    planted(
      'there is none',
      'a mapping of locked pages',
      mm(() => ({ MmMapIoSpace: () => null })),
    ),
    planted(
      'the offset is lost',
      'offset within the page',
      mm((mm) => ({
        MmMapIoSpace: (...args) => {
          const view = mm.MmMapIoSpace(...args)
          return view === null ? null : va(view - (view % 4096n))
        },
      })),
    ),
    planted('it shows other pages', 'what the mapping shows', laterViewsOf(otherFrames)),
    planted(
      'it stays',
      'a load after unmapping',
      mm(() => ({ MmUnmapIoSpace: () => undefined })),
    ),
    planted(
      'unlocked pages give NULL',
      'mapping pages that were unlocked',
      mm((mm) => ({ MmMapIoSpace: (...args) => accepting(() => mm.MmMapIoSpace(...args), null) })),
    ),
    planted(
      'no byte is a page',
      'mapping no byte',
      mm((mm, kernel) => ({
        MmMapIoSpace: (at, bytes, type) =>
          kernel.ledger.entries.length === 0 ? mm.MmMapIoSpace(at, bytes, type) : null,
      })),
    ),
  ],
  'mdl/io-mapping-keeps-to-one-caching-type': [
    planted(
      'the type is ignored',
      'another type while the pages are mapped',
      mm((mm) => ({ MmMapIoSpace: (at, bytes) => mm.MmMapIoSpace(at, bytes, 1) })),
    ),
    planted(
      'there is none',
      'a mapping of allocated pages',
      mm(() => ({ MmMapIoSpace: () => null })),
    ),
  ],
}
