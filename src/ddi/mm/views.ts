import { type Va, va } from '../../base/address.ts'
import { NtStatusError, ProbarError } from '../../base/errors.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { Protection } from '../../native/surface.ts'
import { KIRQL, KPROCESSOR_MODE, type MEMORY_CACHING_TYPE, MM_PAGE_PRIORITY, MdlFlags } from '../constants.ts'
import { hasResult } from '../kernel/shortages.ts'
import { type Mdl, MmGetMdlByteOffset, MmGetMdlPfnArray } from './mdl.ts'
import type { MdlShadow } from './mdl-shadows.ts'
import { requireFitForUsers, requireOwner } from './buffers/fit-for-users.ts'
import { requireMappable } from './mapping/mappable.ts'
import type { MmState } from './state.ts'

export interface ViewRequest {
  readonly AccessMode: KPROCESSOR_MODE
  readonly CacheType: MEMORY_CACHING_TYPE
  readonly RequestedAddress: Va
  readonly BugCheckOnFailure: boolean
  readonly Priority: number
}

const NULL = va(0n)

/** MmMapLockedPagesSpecifyCache. @param routine that was called, where the macro for system addresses leads here */
export function mapLockedPages(
  state: MmState,
  mdl: Mdl | null,
  request: ViewRequest,
  routine = 'MmMapLockedPagesSpecifyCache',
): Va | null {
  const { kernel } = state
  const user = request.AccessMode === KPROCESSOR_MODE.UserMode
  const [highest, code] = user ? [KIRQL.APC_LEVEL, 0x77] : [KIRQL.DISPATCH_LEVEL, 0x76]
  kernel.verifyIrql(routine, { rule: 'MDL-084', highest, code })
  const shadow = state.mdls.check(routine, mdl)
  requireMappable(state, shadow, user, request.BugCheckOnFailure)
  if (user) requireFitForUsers(state, shadow)
  if (kernel.lowResources.strikes(routine)) return user ? raiseShortage() : null
  try {
    const address = map(state, shadow, request, user)
    if (user) noteUserView(state, shadow, address)
    else noteSystemView(shadow, address)
    return address
  } catch (error) {
    kernel.shortages.note(error)
    if (!hasResult(error)) throw error
    if (!user) return null
    throw error instanceof NtStatusError ? error : asRaised(error)
  }
}

/** MmUnmapLockedPages. */
export function unmapLockedPages(state: MmState, address: Va, mdl: Mdl | null): void {
  const routine = 'MmUnmapLockedPages'
  const { kernel } = state
  const shadow = state.mdls.check(routine, mdl)
  const user = shadow.userViews.has(address)
  const [highest, code] = user ? [KIRQL.APC_LEVEL, 0x7a] : [KIRQL.DISPATCH_LEVEL, 0x79]
  kernel.verifyIrql(routine, { rule: 'MDL-084', highest, code })
  if (user) {
    requireOwner(state, routine, address)
    return unmapUser(state, shadow, address)
  }
  requireUnmappable(state, shadow, address)
  unmapSystem(state, shadow)
}

/** Ends the system view, where it has one of its own (MDL-072, MDL-073). */
export function unmapSystem({ kernel, attributes }: MmState, shadow: MdlShadow): void {
  if (shadow.systemView === undefined) return
  kernel.memory.unmap(pageOf(shadow.systemView))
  attributes.release(shadow.frames)
  shadow.systemView = undefined
  shadow.mdl.MdlFlags &= ~(
    MdlFlags.MDL_MAPPED_TO_SYSTEM_VA |
    MdlFlags.MDL_PARTIAL_HAS_BEEN_MAPPED |
    MdlFlags.MDL_FREE_EXTRA_PTES
  )
}

/** Ends one user view. */
export function unmapUser({ kernel, attributes }: MmState, shadow: MdlShadow, address: Va): void {
  kernel.processes.disown(pageOf(address))
  kernel.memory.unmap(pageOf(address))
  attributes.release(shadow.frames)
  shadow.userViews.delete(address)
}

/** What MmUnmapLockedPages refuses in kernel mode (MDL-107, MDL-142, VER-012). */
function requireUnmappable({ kernel }: MmState, { mdl, systemView, wasMapped }: MdlShadow, address: Va): void {
  const raise = (rule: string, text: string, code: number, parameter: number): never =>
    kernel.ledger.raise({ rule, routine: 'MmUnmapLockedPages', text, bugCheck: { code, parameter } })
  if (mdl.has(MdlFlags.MDL_PARTIAL)) raise('MDL-107', 'the MDL is a partial one', 0xc4, 0xb5)
  if (systemView === undefined) {
    if (!mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA)) raise('VER-012', 'the MDL is not mapped', 0xc4, 0xb6)
    const text = 'the MDL says that it is mapped, and is not'
    raise('MDL-142', text, 0xda, wasMapped ? 0x01 : 0x06)
  }
  if (systemView !== address) raise('MDL-142', 'the address is not the one that was mapped', 0xda, 0x03)
}

function raiseShortage(): never {
  throw new NtStatusError(NtStatus.STATUS_INSUFFICIENT_RESOURCES, 'there is no room to write a mapping down')
}

function map(state: MmState, shadow: MdlShadow, request: ViewRequest, user: boolean): Va {
  const { attributes } = state
  const { CacheType, RequestedAddress } = request
  const place = user && RequestedAddress !== NULL ? requested(state, RequestedAddress, shadow) : undefined
  attributes.claim(shadow.frames, CacheType)
  try {
    const page = view(state, shadow, request, place)
    return va(page + BigInt(MmGetMdlByteOffset(shadow.mdl)))
  } catch (error) {
    attributes.release(shadow.frames)
    throw error
  }
}

/** The address of the first page of a new view; none is ever executable (MDL-077). */
function view({ kernel }: MmState, { frames, ranges }: MdlShadow, request: ViewRequest, place: Va | undefined): Va {
  const mode = request.AccessMode === KPROCESSOR_MODE.UserMode ? 'user' : 'system'
  const readOnly = (request.Priority & MM_PAGE_PRIORITY.MdlMappingNoWrite) !== 0
  if (ranges.length > 0) {
    if (readOnly) throw new ProbarError('capability-missing', 'there is no read-only view of a BAR')
    return kernel.memory.mapRegions(ranges, mode, place)
  }
  const protection = readOnly ? Protection.read : Protection.readWrite
  return kernel.memory.mapFrames({ memory: kernel.frames, indices: frames }, protection, mode, place).address
}

/** @throws NtStatusError STATUS_INVALID_ADDRESS when unaligned (ERR-08) or too close to the top (MDL-078) */
function requested({ kernel }: MmState, address: Va, { mdl }: MdlShadow): Va {
  const aligned = address % BigInt(PAGE_SIZE) === 0n
  const end = address + BigInt(MmGetMdlPfnArray(mdl).length * PAGE_SIZE)
  // The page below the boundary is nobody's.
  if (aligned && end < kernel.memory.userProbeAddress) return address
  const why = aligned ? 'the view would not end in user space' : 'it is not page aligned'
  throw new NtStatusError(NtStatus.STATUS_INVALID_ADDRESS, `the requested address is invalid: ${why}`)
}

/** It is the current process' own, and goes with it (MDL-077). */
function noteUserView(state: MmState, shadow: MdlShadow, address: Va): void {
  shadow.userViews.add(address)
  state.kernel.processes.own(pageOf(address), () => unmapUser(state, shadow, address))
}

function noteSystemView(shadow: MdlShadow, address: Va): void {
  const { mdl } = shadow
  shadow.systemView = address
  shadow.wasMapped = true
  mdl.header.set('MappedSystemVa', address)
  mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
  if (mdl.has(MdlFlags.MDL_PARTIAL)) mdl.MdlFlags |= MdlFlags.MDL_PARTIAL_HAS_BEEN_MAPPED
  shadow.seal.header()
}

/** A view begins at a page, wherever in it the buffer does. */
const pageOf = (address: Va): Va => va(address - (address % BigInt(PAGE_SIZE)))

/** MDL-078, MDL-079 */
function asRaised(error: ProbarError): NtStatusError {
  const conflicting = error.code === 'range-outside'
  const status = conflicting ? NtStatus.STATUS_CONFLICTING_ADDRESSES : NtStatus.STATUS_NO_MEMORY
  return new NtStatusError(status, error.message, { cause: error })
}
