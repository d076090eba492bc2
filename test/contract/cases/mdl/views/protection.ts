import { BugCheck } from '../../../../../src/base/errors.ts'
import { NtStatus } from '../../../../../src/base/ntstatus.ts'
import { PAGE_PROTECTION } from '../../../../../src/ddi/constants.ts'
import type { Mdl } from '../../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../../src/session/plant.ts'
import { mm } from '../../plants/broken-ddi.ts'
import { domain, native } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const { PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ } = PAGE_PROTECTION
const { STATUS_SUCCESS, STATUS_NOT_MAPPED_VIEW, STATUS_INVALID_PAGE_PROTECTION } = NtStatus

const protecting = (protect: (mm: Mm, mdl: Mdl, value: number) => NtStatus): Plant =>
  mm((mm) => ({ MmProtectMdlSystemAddress: (mdl, value) => protect(mm, mdl, value) }))

/** Another value in place of one. */
const taken = (value: number, as: number): Plant =>
  protecting((mm, mdl, asked) => mm.MmProtectMdlSystemAddress(mdl, asked === value ? as : asked))

const statusFor = (status: number, instead: number): Plant =>
  protecting((mm, mdl, value) => {
    const got = mm.MmProtectMdlSystemAddress(mdl, value)
    return got === status ? instead : got
  })

/** A view keeps the protection with which it was made. */
const neverProtects = native(() => ({ protect: () => undefined }))

/** All views of the process are protected with this one. */
const protectsAllViews = native((memory) => {
  const views: number[] = []
  return {
    mapFrames(...args) {
      const area = memory.mapFrames(...args)
      views.push(area)
      return area
    },
    protect(_, protection) {
      for (const view of views) memory.protect(view, protection)
    },
  }
})

/** Protected pages are not mapped for a device. */
const mapsNothing = domain((dma) => ({
  map(frames, access, placement) {
    const { memory, indices } = frames
    return dma.map({ memory, indices: indices.map((index) => index ^ 1) }, access, placement)
  },
}))

/** Defects for the cases of protection. */
export const protectionDefects: Defects = {
  'mdl/protect-needs-mapping-and-value': [
    planted('it succeeds without a mapping', 'before it is mapped', statusFor(STATUS_NOT_MAPPED_VIEW, STATUS_SUCCESS)),
    planted('another status', 'status for 8', statusFor(STATUS_INVALID_PAGE_PROTECTION, STATUS_NOT_MAPPED_VIEW)),
    planted('bits of two values are one', 'status for 6', taken(PAGE_READONLY | PAGE_READWRITE, PAGE_READWRITE)),
    planted('PAGE_GUARD is left out', 'status for 260', taken(0x100 | PAGE_READWRITE, PAGE_READWRITE)),
    planted('0 is anything', 'status for 0', taken(0, PAGE_READWRITE)),
    planted(
      'what is refused is done',
      'its protection forbids',
      protecting((mm, mdl, value) => {
        const status = mm.MmProtectMdlSystemAddress(mdl, value)
        if (status === STATUS_INVALID_PAGE_PROTECTION) mm.MmProtectMdlSystemAddress(mdl, PAGE_READONLY)
        return status
      }),
    ),
    planted(
      'the flag is believed',
      'mapped by its flags only',
      protecting((mm, mdl, value) => {
        try {
          return mm.MmProtectMdlSystemAddress(mdl, value)
        } catch (error) {
          if (error instanceof BugCheck) return STATUS_SUCCESS
          throw error
        }
      }),
    ),
  ],
  'mdl/protected-view-faults': [
    planted('nothing is protected', 'a load with PAGE_NOACCESS', neverProtects),
    planted('every view is protected', 'access', protectsAllViews),
    planted('read-only lets be written', 'a store with PAGE_READONLY', taken(PAGE_READONLY, PAGE_READWRITE)),
    planted('read-only lets nothing be read', 'access', taken(PAGE_READONLY, PAGE_NOACCESS)),
    planted('read and write stays as it was', 'access', taken(PAGE_READWRITE, PAGE_READONLY)),
    planted('what may be executed may be read', 'a load with PAGE_EXECUTE', taken(PAGE_EXECUTE, PAGE_EXECUTE_READ)),
    planted('… and written', 'a store with PAGE_EXECUTE_READ', taken(PAGE_EXECUTE_READ, PAGE_READWRITE)),
    planted('the status is another', 'status for PAGE_NOACCESS', statusFor(STATUS_SUCCESS, 0x103)),
  ],
  'mdl/protection-leaves-the-device-alone': [
    planted('the device gets other pages', 'as the device read it', mapsNothing),
    planted('nothing is protected', 'a load meanwhile', neverProtects),
    fault('dma-reads-zeros', 'as the device read it'),
    fault('dma-drops-last-byte', 'as the device read it'),
    fault('dma-shifts-by-one', 'as the device read it'),
  ],
}
