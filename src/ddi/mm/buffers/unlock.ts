import { KIRQL, MdlFlags } from '../../constants.ts'
import type { Mdl } from '../mdl.ts'
import { type MdlShadow, isMapped, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'
import { unmapSystem } from '../views.ts'

const routine = 'MmUnlockPages'

/** MmUnlockPages. */
export function unlockPages(state: MmState, mdl: Mdl): void {
  const { kernel } = state
  kernel.verifyIrql(routine, { rule: 'MDL-059', highest: KIRQL.DISPATCH_LEVEL, code: 0x78 })
  const shadow = state.mdls.check(routine, mdl)
  checkLocked(state, shadow)
  if (shadow.userViews.size > 0 || [...shadow.parts].some(isMapped)) {
    kernel.ledger.raise({ rule: 'MDL-059', routine, text: 'a user or a partial MDL has the pages mapped still' })
  }
  if ([shadow, ...shadow.parts].some(({ lists }) => lists > 0)) {
    kernel.ledger.raise({
      rule: 'DMA-025',
      routine,
      text: 'a scatter/gather list of its pages waits, or is not put back',
    })
  }
  releaseLock(state, shadow)
}

/**
 * Ends the lock that the shadow tells of, and the system view first (MDL-059). The array stays as it is: its numbers are
 * stale from now on (MDL-060).
 */
export function releaseLock(state: MmState, shadow: MdlShadow): void {
  const { kernel } = state
  unmapSystem(state, shadow)
  const { frames, lock } = shadow
  if (lock?.process !== undefined) kernel.processes.countLocked(lock.process, -frames.length)
  kernel.locks.unlock(frames)
  shadow.frames = new Uint32Array()
  shadow.lock = undefined
  shadow.mdl.MdlFlags &= ~(MdlFlags.MDL_PAGES_LOCKED | MdlFlags.MDL_IO_SPACE)
  seal(shadow)
}

/** What must not be unlocked: partial MDLs (MDL-107), nonpaged memory (MDL-043), and what was never locked (MDL-059). */
function checkLocked({ kernel }: MmState, { mdl, lock }: MdlShadow): void {
  if (mdl.has(MdlFlags.MDL_PARTIAL)) {
    const bugCheck = { code: 0xc4, parameter: 0xb4 }
    kernel.ledger.raise({ rule: 'VER-012', routine, text: 'the MDL is a partial one', bugCheck })
  }
  if (mdl.has(MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL)) {
    const bugCheck = { code: 0xc4, parameter: 0x7d }
    kernel.ledger.raise({ rule: 'VER-011', routine, text: 'the pages are from nonpaged pool', bugCheck })
  }
  if (lock === undefined || !mdl.has(MdlFlags.MDL_PAGES_LOCKED)) {
    const bugCheck = { code: 0xc4, parameter: 0x7c }
    kernel.ledger.raise({ rule: 'VER-011', routine, text: 'MmProbeAndLockPages did not lock the MDL', bugCheck })
  }
}
