import { NtStatusError } from '../../../../../src/base/errors.ts'
import { allocating, mapping, mm } from '../../plants/broken-ddi.ts'
import { accepting } from '../../plants/broken-locking.ts'
import { frames, native } from '../../plants/broken-platform.ts'
import { type Defects, planted } from '../../plants/defect.ts'

const USER = 1
const HOW = 'what failed, and how'

const raise = (): never => {
  throw new NtStatusError(0xc000_009a, 'no resources')
}

/** Defects for the cases of low resources. */
export const lowResourcesDefects: Defects = {
  'mdl/any-call-may-run-short': [
    planted(
      'locking fails and does not say so',
      'fails when it runs short',
      mm((mm) => ({
        MmProbeAndLockPages: (...args) => accepting(() => mm.MmProbeAndLockPages(...args), undefined),
        MmUnlockPages: (mdl) => accepting(() => mm.MmUnlockPages(mdl), undefined),
      })),
    ),
    planted(
      'a page allocation raises',
      HOW,
      mm((mm) => ({ MmAllocatePagesForMdlEx: (...args) => mm.MmAllocatePagesForMdlEx(...args) ?? raise() })),
    ),
    planted(
      'a pool allocation raises',
      HOW,
      mm((mm) => ({ ExAllocatePool2: (...args) => mm.ExAllocatePool2(...args) ?? raise() })),
    ),
    planted(
      'a system mapping raises',
      HOW,
      mapping((mm, ...args) => mm.MmMapLockedPagesSpecifyCache(...args) ?? raise()),
    ),
    planted(
      'the system address raises',
      HOW,
      mm((mm) => ({ MmGetSystemAddressForMdlSafe: (...args) => mm.MmGetSystemAddressForMdlSafe(...args) ?? raise() })),
    ),
    planted(
      'a user mapping gives NULL',
      HOW,
      mapping((mm, ...args) => {
        const map = () => mm.MmMapLockedPagesSpecifyCache(...args)
        return args[1] === USER ? accepting(map, null) : map()
      }),
    ),
    planted(
      'what was begun is left',
      'in use after call',
      mm((mm, kernel) => ({
        ExAllocatePool2(...args) {
          const block = mm.ExAllocatePool2(...args)
          if (block === null) kernel.pool.allocate(16)
          return block
        },
      })),
    ),
  ],
  'mdl/unzeroed-pages-hold-a-pattern': [
    planted(
      'they are zeroed',
      'no byte of an unzeroed page',
      allocating(({ flags }) => ({ flags: flags & ~1 })),
    ),
    planted(
      'the pattern is always the same',
      'another one the next time',
      native((memory) => ({ fill: (area, offset, length) => memory.fill(area, offset, length, 0x77) })),
    ),
    planted(
      'zeroed pages get it, too',
      'zeroed pages',
      frames(() => ({ zero: () => undefined })),
    ),
  ],
}
