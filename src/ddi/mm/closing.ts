import type { Misuse } from '../kernel/ledger.ts'
import { releasePages } from './allocation.ts'
import { releaseLock } from './buffers/unlock.ts'
import { discardIoViews } from './io-space/map.ts'
import { type MdlOrigin, type MdlShadow, ownsPages } from './mdl-shadows.ts'
import type { MmState } from './state.ts'
import { unmapSystem, unmapUser } from './views.ts'

/** The rule by which an MDL should have been given back. */
const LEAKED: Readonly<Record<MdlOrigin, string>> = {
  pages: 'MDL-123',
  io: 'MDL-027',
  'io-space': 'MDL-133',
  caller: 'MDL-007',
}

/**
 * Takes back every MDL that is left, pages and views included, and writes each down as leaked. Goes by the shadows
 * alone: the bytes of an MDL may be what a driver made of them.
 */
export function discardAll(state: MmState): void {
  const { kernel, mdls } = state
  discardIoViews(state)
  const left = mdls.all()
  // All views first: those of a partial MDL show another one's pages.
  for (const shadow of left) unmapAll(state, shadow)
  for (const shadow of left) {
    kernel.ledger.note(leakOf(shadow))
    if (shadow.lock !== undefined) releaseLock(state, shadow)
    else if (ownsPages(shadow)) releasePages(state, shadow)
    mdls.retire(shadow.mdl)
  }
}

/** Pages that were never unlocked are bug check 0xCB, DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS. */
function leakOf({ frames, lock, origin }: MdlShadow): Misuse {
  const routine = 'close'
  if (lock === undefined) {
    return { rule: LEAKED[origin], routine, text: `an MDL of ${frames.length} pages was never freed` }
  }
  const bugCheck = { code: 0xcb, parameter: 0 }
  return { rule: 'MDL-059', routine, text: `${frames.length} pages were never unlocked`, bugCheck }
}

function unmapAll(state: MmState, shadow: MdlShadow): void {
  for (const view of shadow.userViews) unmapUser(state, shadow, view)
  unmapSystem(state, shadow)
}
