import { releasePages } from './allocation.ts'
import { type MdlOrigin, type MdlShadow } from './mdl-shadows.ts'
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
  const left = mdls.all()
  // All views first: those of a partial MDL show another one's pages.
  for (const shadow of left) unmapAll(state, shadow)
  for (const shadow of left) {
    const { mdl, origin, frames } = shadow
    const text = `an MDL of ${frames.length} pages was never freed`
    kernel.ledger.note({ rule: LEAKED[origin], routine: 'close', text })
    if (origin === 'pages') releasePages(state, shadow)
    mdls.retire(mdl)
  }
}

function unmapAll(state: MmState, shadow: MdlShadow): void {
  for (const view of shadow.userViews) unmapUser(state, shadow, view)
  unmapSystem(state, shadow)
}
