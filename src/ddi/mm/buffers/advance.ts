import { type Va, va } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../../base/pages.ts'
import { KIRQL, MdlFlags } from '../../constants.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../mdl.ts'
import { type MdlShadow, isMapped, ownsPages, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'

const routine = 'MmAdvanceMdl'
const ADDRESSED = MdlFlags.MDL_MAPPED_TO_SYSTEM_VA | MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL

/**
 * MmAdvanceMdl (MDL-136). An MDL of nothing would be none: advancing to the very end is refused as past it (MDL-137). Pages
 * of MmAllocatePagesForMdl that are left behind are given back, for nothing else holds them.
 */
export function advanceMdl(state: MmState, mdl: Mdl | null, bytes: number): NtStatus {
  const { kernel, mdls } = state
  kernel.requireIrql(routine, 'MDL-136', KIRQL.DISPATCH_LEVEL)
  const shadow = mdls.check(routine, mdl)
  if (!Number.isInteger(bytes) || bytes < 0 || bytes >= MmGetMdlByteCount(shadow.mdl)) {
    return NtStatus.STATUS_INVALID_PARAMETER_2
  }
  const start = va(MmGetMdlVirtualAddress(shadow.mdl) + BigInt(bytes))
  const passed = Number((start - shadow.mdl.header.get('StartVa')) >> BigInt(PAGE_SHIFT))
  if (passed > 0) leaveBehind(state, shadow, passed)
  moveStart(shadow, start, bytes)
  seal(shadow)
  return NtStatus.STATUS_SUCCESS
}

/** The first pages are unlocked at once, and gone from the system view. */
function leaveBehind(state: MmState, shadow: MdlShadow, pages: number): void {
  requireNotSeen(state, shadow)
  const { kernel, attributes } = state
  const { mdl, frames, lock } = shadow
  const left = frames.subarray(0, pages)
  if (shadow.systemView !== undefined) {
    kernel.memory.cutFront(va(shadow.systemView - (shadow.systemView % BigInt(PAGE_SIZE))), pages, kernel.frames)
    attributes.release(left)
  }
  const numbers = MmGetMdlPfnArray(mdl)
  numbers.copyWithin(0, pages)
  if (frames.length === 0) return
  shadow.frames = frames.subarray(pages)
  if (lock?.process !== undefined) kernel.processes.countLocked(lock.process, -pages)
  if (lock !== undefined) kernel.locks.unlock(left)
  else if (ownsPages(shadow)) kernel.locks.free(left)
}

/** Start, length and both addresses; the end stays. */
function moveStart(shadow: MdlShadow, start: Va, bytes: number): void {
  const { mdl } = shadow
  mdl.header.set('ByteCount', MmGetMdlByteCount(mdl) - bytes)
  mdl.header.set('ByteOffset', Number(start % BigInt(PAGE_SIZE)))
  mdl.header.set('StartVa', start - (start % BigInt(PAGE_SIZE)))
  if ((mdl.MdlFlags & ADDRESSED) === 0) return
  const mapped = va(mdl.header.get('MappedSystemVa') + BigInt(bytes))
  mdl.header.set('MappedSystemVa', mapped)
  if (shadow.systemView === undefined) return
  lendOn(shadow, shadow.systemView, mapped)
  shadow.systemView = mapped
}

/** The view begins elsewhere, and is the one that parts have borrowed; only of those of other pages it is none. */
function lendOn(shadow: MdlShadow, before: Va, view: Va): void {
  const { parts, frames } = shadow.partialOf?.root ?? shadow
  for (const part of parts) {
    const { partialOf } = part
    if (partialOf?.lender?.shadow !== shadow || partialOf.lender.view !== before) continue
    if (partialOf.frames === frames) part.partialOf = { ...partialOf, lender: { shadow, view } }
  }
}

/** Pages cannot be left behind while somebody else sees them by way of this MDL. */
function requireNotSeen({ kernel }: MmState, shadow: MdlShadow): void {
  const raise = (rule: string, text: string): never => kernel.ledger.raise({ rule, routine, text })
  if (shadow.userViews.size > 0) raise('MDL-136', 'a user mapping of the pages is still there')
  if ([...shadow.parts].some(isMapped)) raise('MDL-136', 'a partial MDL has the pages mapped')
  if ([shadow, ...shadow.parts].some(({ lists }) => lists > 0)) {
    raise('DMA-025', 'a scatter/gather list of its pages waits, or is not put back')
  }
  if (shadow.ranges.length > 0) raise('MDL-136', 'pages of a device are never locked, and not left behind')
}
