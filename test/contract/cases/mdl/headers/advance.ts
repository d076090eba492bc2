import { NtStatus } from '../../../../../src/base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../../src/base/pages.ts'
import type { Kernel } from '../../../../../src/ddi/kernel/kernel.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { mm } from '../../plants/broken-ddi.ts'
import { native } from '../../plants/broken-platform.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const { STATUS_SUCCESS, STATUS_INVALID_PARAMETER_2 } = NtStatus

const advancing = (advance: (mm: Mm, mdl: Mdl, bytes: number, kernel: Kernel) => NtStatus): Plant =>
  mm((mm, kernel) => ({ MmAdvanceMdl: (mdl, bytes) => advance(mm, mdl, bytes, kernel) }))

/** The MDL is spoilt after it was advanced. */
const advanced = (spoil: (mdl: Mdl, bytes: number) => void): Plant =>
  advancing((mm, mdl, bytes) => {
    const status = mm.MmAdvanceMdl(mdl, bytes)
    spoil(mdl, bytes)
    mm.accept(mdl)
    return status
  })

/** One lock more or less than there should be on the pages that the MDL had. */
const relocking = (relock: (kernel: Kernel, frames: Uint32Array) => void): Plant =>
  advancing((mm, mdl, bytes, kernel) => {
    const frames = Uint32Array.from(MmGetMdlPfnArray(mdl), (pfn) => kernel.frames.indexOf(Number(pfn)) ?? 0)
    const status = mm.MmAdvanceMdl(mdl, bytes)
    relock(kernel, frames)
    return status
  })

const startMoved = (mdl: Mdl, bytes: bigint): void => mdl.header.set('StartVa', mdl.header.get('StartVa') + bytes)

/** Defects for the cases of advancing. */
export const advanceDefects: Defects = {
  'mdl/advance-leaves-pages-behind': [
    planted(
      'nothing is advanced',
      'the virtual address',
      advancing(() => STATUS_SUCCESS),
    ),
    planted(
      'whole pages only',
      'the virtual address',
      advancing((mm, mdl, bytes) => mm.MmAdvanceMdl(mdl, bytes - (bytes % PAGE_SIZE))),
    ),
    planted(
      'the end moves with the start',
      'ByteCount',
      advanced((mdl, bytes) => mdl.header.set('ByteCount', MmGetMdlByteCount(mdl) + bytes)),
    ),
    planted(
      'the numbers of the pages stay',
      'page numbers',
      advanced((mdl) => mdl.slots().copyWithin(1, 0)),
    ),
    planted(
      'the system address stays',
      'MappedSystemVa',
      advanced((mdl, bytes) => mdl.header.set('MappedSystemVa', mdl.header.get('MappedSystemVa') - BigInt(bytes))),
    ),
    planted(
      'the view is made of other pages',
      'what the system view shows',
      viewOfThree((frame) => frame ^ 1),
    ),
    planted(
      'the page stays mapped',
      'a load from the page that was passed',
      native((memory) => ({ load8: (area, offset) => ignoring(() => memory.load8(area, offset)) })),
    ),
    planted(
      'the page stays locked',
      'locks of the four pages: expected',
      relocking(({ locks }, frames) => locks.lock(frames.subarray(0, 1))),
    ),
    planted(
      'a page that is left is unlocked too',
      'locks of the four pages: expected',
      relocking(({ locks }, frames) => locks.unlock(frames.subarray(3))),
    ),
    planted(
      'unlocking leaves the last page',
      'once they are unlocked',
      mm((mm, kernel) => ({
        MmUnlockPages(mdl) {
          const last = Number(MmGetMdlPfnArray(mdl).at(-1))
          mm.MmUnlockPages(mdl)
          kernel.locks.lock(Uint32Array.of(kernel.frames.indexOf(last) ?? 0))
        },
      })),
    ),
  ],
  'mdl/advance-inside-the-page': [
    planted(
      '0 is refused',
      'MmAdvanceMdl by 0',
      advancing((mm, mdl, bytes) => (bytes === 0 ? STATUS_INVALID_PARAMETER_2 : mm.MmAdvanceMdl(mdl, bytes))),
    ),
    planted(
      'the start goes to the next page',
      'the virtual address',
      advanced((mdl) => startMoved(mdl, 4096n)),
    ),
    planted(
      'a page is passed too early',
      'page numbers',
      advanced((mdl) => mdl.slots().copyWithin(0, 1)),
    ),
    planted(
      'the system address stays',
      'MappedSystemVa',
      advanced((mdl, bytes) => mdl.header.set('MappedSystemVa', mdl.header.get('MappedSystemVa') - BigInt(bytes))),
    ),
    planted(
      'the first page is unlocked',
      'locks of the four pages',
      relocking(({ locks }, frames) => locks.count(frames[0] ?? 0) > 0 && locks.unlock(frames.subarray(0, 1))),
    ),
  ],
  'mdl/advance-stops-before-the-end': [
    planted(
      'it stops at the end by itself',
      `the status for ${3 * PAGE_SIZE + 1}`,
      advancing((mm, mdl, bytes) => mm.MmAdvanceMdl(mdl, Math.min(bytes, MmGetMdlByteCount(mdl) - 1))),
    ),
    planted(
      'the end is not past the end',
      `the status for ${3 * PAGE_SIZE}`,
      advancing((mm, mdl, bytes) => {
        const status = mm.MmAdvanceMdl(mdl, bytes)
        return bytes === MmGetMdlByteCount(mdl) ? STATUS_SUCCESS : status
      }),
    ),
    planted(
      'what is refused is done in part',
      'ByteCount after',
      advancing((mm, mdl, bytes) => {
        const status = mm.MmAdvanceMdl(mdl, bytes)
        if (status !== STATUS_SUCCESS) mm.MmAdvanceMdl(mdl, 1)
        return status
      }),
    ),
    planted(
      'the last byte is refused',
      'to the last byte',
      advancing((mm, mdl, bytes) =>
        bytes === MmGetMdlByteCount(mdl) - 1 ? STATUS_INVALID_PARAMETER_2 : mm.MmAdvanceMdl(mdl, bytes),
      ),
    ),
    planted(
      'a page too many is left',
      'page numbers',
      advanced((mdl, bytes) => {
        if (bytes === 3 * PAGE_SIZE - 1) mdl.header.set('ByteCount', PAGE_SIZE)
      }),
    ),
  ],
}

/** Views of three pages show others: what is left of four when one is passed. */
function viewOfThree(other: (frame: number) => number): Plant {
  return native((memory) => {
    return {
      mapFrames: (at, area, indices, protection) =>
        memory.mapFrames(at, area, indices.length === 3 ? indices.map(other) : indices, protection),
    }
  })
}

function ignoring(act: () => number): number {
  try {
    return act()
  } catch {
    return 0
  }
}
