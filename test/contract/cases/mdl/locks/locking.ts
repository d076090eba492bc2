import { NtStatusError } from '../../../../../src/base/errors.ts'
import { MdlFlags } from '../../../../../src/ddi/constants.ts'
import { EMPTY_SLOT, type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../../../../src/ddi/mm/mdl.ts'
import { mm } from '../../plants/broken-ddi.ts'
import { accepting, framesIn, locked, locking, notLocked, unlocking } from '../../plants/broken-locking.ts'
import { mappedForGood, native } from '../../plants/broken-platform.ts'
import { type Defects, fault, planted } from '../../plants/defect.ts'

const READ = 0
const MODIFY = 2
const { MDL_PAGES_LOCKED, MDL_WRITE_OPERATION } = MdlFlags

function exchange(mdl: Mdl, one: number, other: number): void {
  const slots = mdl.slots()
  const [first = 0n, second = 0n] = [slots[one], slots[other]]
  if (Math.max(one, other) >= slots.length) return
  slots[one] = second
  slots[other] = first
}

/** What is locked by name is not locked in truth. */
const notHeld = locked(({ kernel, mdl }) => kernel.locks.unlock(framesIn(kernel, mdl)))
const flagLeft = notLocked(({ mdl }) => void (mdl.MdlFlags |= MDL_PAGES_LOCKED))
const firstSlotLeft = (at: number) => notLocked(({ mdl }) => void (mdl.slots()[at] = 0n))

/** The pages that the failed call found stay locked. */
const keepsLocks = notLocked(({ kernel, mdl }) =>
  kernel.locks.lock(kernel.translate(MmGetMdlVirtualAddress(mdl), mdl.capacity).frames),
)

/** The array gets the numbers that it had at the first lock. */
function oldNumbers() {
  const first = new Map<Mdl, BigUint64Array>()
  return locked(({ mdl }) => {
    const numbers = first.get(mdl) ?? mdl.slots().slice()
    first.set(mdl, numbers)
    mdl.slots().set(numbers)
  })
}

/** Unlocking one MDL changes the numbers of the other. */
function spoilsTheOther() {
  const known: Mdl[] = []
  return mm((mm) => ({
    MmProbeAndLockPages(mdl, mode, operation) {
      known.push(mdl)
      mm.MmProbeAndLockPages(mdl, mode, operation)
    },
    MmUnlockPages(mdl) {
      mm.MmUnlockPages(mdl)
      const other = known.find((one) => one !== mdl)
      if (other !== undefined) other.slots()[0] = mdl.slots()[0] ?? 0n
    },
  }))
}

/** The address space of views is never given back. */
const releasesNothing = native((memory) => {
  const views = new Set<number>()
  return {
    mapFrames(...args) {
      const area = memory.mapFrames(...args)
      views.add(area)
      return area
    },
    release: (area) => (views.has(area) ? undefined : memory.release(area)),
  }
})

/** Defects for the cases of locking. */
export const lockingDefects: Defects = {
  'mdl/lock-fills-the-array': [
    planted(
      'page numbers are out of order',
      'the pages in the array',
      locked(({ mdl }) => exchange(mdl, 0, 1)),
    ),
    planted(
      'a page number is missing',
      'page numbers',
      locked(({ mdl }) => mdl.header.set('ByteCount', 4096)),
    ),
    planted(
      'PAGES_LOCKED is not set',
      'PAGES_LOCKED is set',
      locked(({ mdl }) => void (mdl.MdlFlags &= ~2)),
    ),
    planted(
      'WRITE_OPERATION is always set',
      'WRITE_OPERATION, operation 0',
      locked(({ mdl }) => void (mdl.MdlFlags |= MDL_WRITE_OPERATION)),
    ),
    planted(
      'modifying is no writing',
      'WRITE_OPERATION, operation 2',
      locked(({ mdl, operation }) => void (mdl.MdlFlags &= operation === MODIFY ? ~MDL_WRITE_OPERATION : -1)),
    ),
    planted(
      'the process is not noted',
      'Process',
      locked(({ mdl }) => mdl.header.set('Process', 0n)),
    ),
    planted('the pages may move', 'the pages while they are locked', notHeld),
  ],
  'mdl/lock-checks-access': [
    planted(
      'the operation is ignored',
      'locking for operation 1',
      locking(({ mm, mdl, mode }) => mm.MmProbeAndLockPages(mdl, mode, READ)),
    ),
    planted(
      'modifying is reading',
      'locking for operation 2',
      locking(({ mm, mdl, mode, operation }) =>
        mm.MmProbeAndLockPages(mdl, mode, operation === MODIFY ? READ : operation),
      ),
    ),
    planted(
      'it raises another status',
      'locking for operation 1',
      notLocked(() => {
        throw new NtStatusError(0xc000_000d, 'invalid')
      }),
    ),
    planted('PAGES_LOCKED stays', 'PAGES_LOCKED is clear', flagLeft),
    planted('the array is not ended', 'the first slot', firstSlotLeft(0)),
    planted('the pages stay locked', 'after the failures', keepsLocks),
    planted('the pages may move', 'locked for reading', notHeld),
  ],
  'mdl/lock-failure-keeps-nothing': [
    planted(
      'what is there is enough',
      'locking a byte too many, mode 1',
      notLocked(() => true),
    ),
    planted(
      'kernel mode is not checked',
      'locking a byte too many, mode 0',
      notLocked(({ mode }) => mode === 0),
    ),
    planted('the array is not ended', 'the slot of the page', firstSlotLeft(2)),
    planted('PAGES_LOCKED stays', 'PAGES_LOCKED is clear', flagLeft),
    planted('the pages stay locked', 'pages that may move', keepsLocks),
    planted(
      'anything is unlocked',
      'unlocking what was not locked',
      unlocking(() => undefined),
    ),
    planted(
      'freed memory is locked',
      'locking freed memory',
      notLocked(({ mdl }) => MmGetMdlByteCount(mdl) === 1),
    ),
  ],
  'mdl/user-mode-stops-at-the-probe-address': [
    planted(
      'the mode is ignored',
      'a system address',
      locking(({ mm, mdl, operation }) => mm.MmProbeAndLockPages(mdl, 0, operation)),
    ),
    planted(
      'it wraps',
      'a range that wraps',
      notLocked(({ mdl }) => MmGetMdlByteCount(mdl) === 2),
    ),
    planted('PAGES_LOCKED stays', 'PAGES_LOCKED is clear', flagLeft),
    planted(
      'the process is always noted',
      'Process of a system address',
      locked(({ mdl, kernel }) => mdl.header.set('Process', kernel.processes.current.address)),
    ),
  ],
  'mdl/pages-stay-until-the-last-unlock': [
    planted(
      'page numbers are out of order',
      'the shared page',
      locked(({ mdl }) => exchange(mdl, 1, 2)),
    ),
    planted('the pages may move', 'locked twice', notHeld),
    planted(
      'the first unlock is enough',
      'one MDL unlocked',
      unlocking((mm, mdl, kernel) => {
        const frames = framesIn(kernel, mdl)
        mm.MmUnlockPages(mdl)
        if (frames.length > 1) kernel.locks.unlock(frames.subarray(2))
      }),
    ),
    planted(
      'unlocking keeps the locks',
      'one MDL unlocked',
      unlocking((mm, mdl, kernel) => {
        kernel.locks.lock(framesIn(kernel, mdl))
        mm.MmUnlockPages(mdl)
      }),
    ),
    planted(
      'the last unlock is not counted',
      'all unlocked',
      unlocking((mm, mdl, kernel) => {
        const frames = framesIn(kernel, mdl)
        if (frames.length === 1) kernel.locks.lock(frames)
        mm.MmUnlockPages(mdl)
      }),
    ),
    planted('the other MDL loses its page', 'the page that is locked still', spoilsTheOther()),
    planted('unlocked pages do not move', 'the old number leads to', mappedForGood),
    planted('the array is not filled anew', 'the page by its new number', oldNumbers()),
  ],
  'mdl/lock-once': [
    planted(
      'memory of any process is locked',
      'locking memory of another process',
      notLocked(() => true),
    ),
    planted(
      'the process is ignored',
      'cannot be had',
      mm((mm) => ({
        MmProbeAndLockProcessPages: (mdl, _, mode, operation) => mm.MmProbeAndLockPages(mdl, mode, operation),
      })),
    ),
    planted(
      'the array is empty',
      'the frame with the number',
      lockedOther((mdl) => void mdl.slots().fill(EMPTY_SLOT)),
    ),
    planted(
      'the current process is noted',
      'Process',
      lockedOther((mdl) => mdl.header.set('Process', 0xffff_c000_0000_0000n)),
    ),
    planted(
      'it is locked again',
      'locking again, bug check',
      notLocked(({ mdl }) => mdl.has(MDL_PAGES_LOCKED)),
    ),
    planted(
      'the code is that of the own process',
      'locking again for another process',
      mm((mm, kernel) => ({
        MmProbeAndLockProcessPages: (mdl, process, mode, operation) =>
          kernel.in(process, () => mm.MmProbeAndLockPages(mdl, mode, operation)),
      })),
    ),
    planted(
      'nothing is locked',
      'locking no byte',
      notLocked(({ mdl }) => MmGetMdlByteCount(mdl) === 0),
    ),
  ],
  'mdl/device-reaches-locked-pages-of-freed-memory': [
    planted('the frames go with the memory', 'frames in use', notHeld),
    planted('the address stays', 'the freed address', releasesNothing),
    planted('the address leads to the old frames', 'what lies at the address now', mappedForGood),
    fault('dma-drops-last-byte', 'what the device wrote'),
    fault('dma-shifts-by-one', 'what the device wrote'),
  ],
  'mdl/unlock-ends-the-mapping': [
    planted(
      'the mapping stays',
      'a load through the mapping',
      unlocking((_, mdl) => void (mdl.MdlFlags &= ~3)),
    ),
    planted(
      'a flag stays',
      'PAGES_LOCKED and MAPPED_TO_SYSTEM_VA',
      unlocking((mm, mdl) => {
        mm.MmUnlockPages(mdl)
        mdl.MdlFlags |= 1
      }),
    ),
    planted(
      'unlocking again is accepted',
      'unlocking again',
      unlocking((mm, mdl) => accepting(() => mm.MmUnlockPages(mdl), undefined)),
    ),
    planted(
      'only at a low level',
      'allowed is 0',
      unlocking((mm, mdl, kernel) => {
        kernel.requireIrql('MmUnlockPages', 'MDL-059', 0)
        mm.MmUnlockPages(mdl)
      }),
    ),
    planted(
      'there is no system address',
      'the system address',
      mm(() => ({ MmGetSystemAddressForMdlSafe: () => null })),
    ),
  ],
}

function lockedOther(spoil: (mdl: Mdl) => void) {
  return mm((mm) => ({
    MmProbeAndLockProcessPages(mdl, process, mode, operation) {
      mm.MmProbeAndLockProcessPages(mdl, process, mode, operation)
      spoil(mdl)
    },
  }))
}
