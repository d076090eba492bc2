import { MdlFlags } from '../../constants.ts'
import { describesLockedPages } from '../mdl.ts'
import { type MdlShadow, describesPages } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'

const { MDL_MAPPED_TO_SYSTEM_VA, MDL_SOURCE_IS_NONPAGED_POOL, MDL_IO_SPACE, MDL_MAPPING_CAN_FAIL } = MdlFlags

/**
 * What MmMapLockedPagesSpecifyCache refuses before it maps (MDL-070, MDL-074, MDL-075, VER-011, VER-012). Of an MDL that
 * describes pages which are locked in truth, and lacks each flag that would say so, it is the flags that are missing.
 */
export function requireMappable(state: MmState, shadow: MdlShadow, user: boolean, mustNotFail: boolean): void {
  const { mdl } = shadow
  const raise = (rule: string, text: string, parameter: number): never =>
    state.kernel.ledger.raise({
      rule,
      routine: 'MmMapLockedPagesSpecifyCache',
      text,
      bugCheck: { code: 0xc4, parameter },
    })
  requirePages(state, 'MmMapLockedPagesSpecifyCache', shadow)
  if (!describesPages(shadow)) raise('MDL-070', 'the pages are not locked', 0x85)
  if (shadow.ranges.length > 0 && !mdl.has(MDL_IO_SPACE)) raise('VER-011', 'device pages without IO_SPACE', 0x89)
  if (!describesLockedPages(mdl)) raise('VER-012', 'no flag says that the pages are locked', 0xb3)
  // MAPPING_CAN_FAIL gives NULL whatever the argument says (MDL-076).
  if (mustNotFail && !user && !mdl.has(MDL_MAPPING_CAN_FAIL)) raise('MDL-075', 'BugCheckOnFailure must be FALSE', 0x82)
  if (user) return
  if (shadow.systemView !== undefined || mdl.has(MDL_MAPPED_TO_SYSTEM_VA)) {
    raise('MDL-074', 'the MDL already has a system mapping', 0xb2)
  }
  if (mdl.has(MDL_SOURCE_IS_NONPAGED_POOL)) raise('MDL-043', 'nonpaged memory has its system address', 0xb2)
}

/** @throws CallerError when a partial MDL shows pages that its source gave back (MDL-013) */
export function requirePages({ kernel }: MmState, routine: string, { partialOf }: MdlShadow): void {
  if (partialOf === undefined || partialOf.root.frames === partialOf.frames) return
  const text = 'the pages of the MDL that this one is a part of were given back'
  kernel.ledger.raise({ rule: 'MDL-013', routine, text })
}
