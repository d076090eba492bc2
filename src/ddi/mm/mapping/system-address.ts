import { type Va, va } from '../../../base/address.ts'
import { KIRQL, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, MdlFlags } from '../../constants.ts'
import type { Mdl } from '../mdl.ts'
import type { MmState } from '../state.ts'
import { mapLockedPages, unmapSystem } from '../views.ts'

const { MDL_MAPPED_TO_SYSTEM_VA, MDL_SOURCE_IS_NONPAGED_POOL, MDL_PARTIAL_HAS_BEEN_MAPPED } = MdlFlags

/**
 * MmGetSystemAddressForMdlSafe. The macro reads flags and an address only; so does this, where there is a mapping.
 * @throws CallerError MDL-104 for the view of a source that has ended
 */
export function systemAddressOf(state: MmState, mdl: Mdl | null, Priority: number): Va | null {
  const routine = 'MmGetSystemAddressForMdlSafe'
  const { kernel, mdls } = state
  const { mdl: known, partialOf, systemView } = mdls.known(routine, mdl)
  if ((known.MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) !== 0) {
    const lender = systemView === undefined ? partialOf?.lender : undefined
    if (lender !== undefined && lender.shadow.systemView !== lender.view) {
      kernel.ledger.raise({ rule: 'MDL-104', routine, text: "the source's mapping has ended, and this was it" })
    }
    return va(known.header.get('MappedSystemVa'))
  }
  const [AccessMode, CacheType] = [KPROCESSOR_MODE.KernelMode, MEMORY_CACHING_TYPE.MmCached]
  const request = { AccessMode, CacheType, RequestedAddress: va(0n), BugCheckOnFailure: false, Priority }
  return mapLockedPages(state, known, request, routine)
}

/** MmPrepareMdlForReuse (MDL-105): PARTIAL_HAS_BEEN_MAPPED tells of a mapping that only this MDL has. */
export function prepareForReuse(state: MmState, mdl: Mdl | null): void {
  const routine = 'MmPrepareMdlForReuse'
  state.kernel.requireIrql(routine, 'MDL-031', KIRQL.DISPATCH_LEVEL)
  const shadow = state.mdls.check(routine, mdl)
  if (shadow.mdl.has(MDL_PARTIAL_HAS_BEEN_MAPPED)) unmapSystem(state, shadow)
}
