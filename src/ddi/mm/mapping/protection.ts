import { NtStatus } from '../../../base/ntstatus.ts'
import { Protection } from '../../../native/surface.ts'
import { KIRQL, MdlFlags, PAGE_PROTECTION } from '../../constants.ts'
import type { Mdl } from '../mdl.ts'
import type { MmState } from '../state.ts'

const { PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE } = PAGE_PROTECTION
const { PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE } = PAGE_PROTECTION

/** What each leaves of loads and stores; nothing of Probar's is ever executed. */
const ACCESS: ReadonlyMap<number, Protection> = new Map([
  [PAGE_NOACCESS, Protection.none],
  [PAGE_READONLY, Protection.read],
  [PAGE_READWRITE, Protection.readWrite],
  [PAGE_EXECUTE, Protection.none],
  [PAGE_EXECUTE_READ, Protection.read],
  [PAGE_EXECUTE_READWRITE, Protection.readWrite],
])

/** MmProtectMdlSystemAddress (MDL-130, MDL-131). A mapping that was borrowed is its owner's to protect. */
export function protectSystemAddress(state: MmState, mdl: Mdl | null, newProtect: number): NtStatus {
  const routine = 'MmProtectMdlSystemAddress'
  const { kernel, mdls } = state
  kernel.requireIrql(routine, 'MDL-130', KIRQL.DISPATCH_LEVEL)
  const { mdl: known, systemView, partialOf } = mdls.check(routine, mdl)
  const access = ACCESS.get(newProtect)
  if (access === undefined) return NtStatus.STATUS_INVALID_PAGE_PROTECTION
  const claims = known.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA) && partialOf?.lender === undefined
  if (systemView === undefined && claims) {
    const bugCheck = { code: 0x1a, parameter: 0x1235 }
    kernel.ledger.raise({ rule: 'MDL-131', routine, text: 'the MDL says that it is mapped, and is not', bugCheck })
  }
  if (systemView === undefined) return NtStatus.STATUS_NOT_MAPPED_VIEW
  const placed = kernel.memory.find(systemView)?.placed
  if (placed?.kind !== 'memory') return NtStatus.STATUS_NOT_SUPPORTED
  placed.view.protect(access)
  return NtStatus.STATUS_SUCCESS
}
