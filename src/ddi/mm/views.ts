import { type Va, va } from '../../base/address.ts'
import { NtStatusError, ProbarError } from '../../base/errors.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import { Protection } from '../../native/surface.ts'
import { KIRQL, KPROCESSOR_MODE, type MEMORY_CACHING_TYPE, MM_PAGE_PRIORITY, MdlFlags } from '../constants.ts'
import { type Mdl, MmGetMdlByteOffset, describesLockedPages } from './mdl.ts'
import type { MdlShadow } from './mdl-shadows.ts'
import type { MmState } from './state.ts'

export interface ViewRequest {
  readonly AccessMode: KPROCESSOR_MODE
  readonly CacheType: MEMORY_CACHING_TYPE
  readonly RequestedAddress: Va
  readonly BugCheckOnFailure: boolean
  readonly Priority: number
}

const NULL = va(0n)

/** MmMapLockedPagesSpecifyCache. */
export function mapLockedPages(state: MmState, mdl: Mdl, request: ViewRequest): Va | null {
  const routine = 'MmMapLockedPagesSpecifyCache'
  const { kernel } = state
  const user = request.AccessMode === KPROCESSOR_MODE.UserMode
  kernel.requireIrql(routine, 'MDL-084', user ? KIRQL.APC_LEVEL : KIRQL.DISPATCH_LEVEL)
  const shadow = state.mdls.check(routine, mdl)
  checkMappable(state, shadow, user, request.BugCheckOnFailure)
  try {
    const address = map(state, shadow, request, user)
    if (user) shadow.userViews.add(address)
    else noteSystemView(shadow, address)
    return address
  } catch (error) {
    kernel.shortages.note(error)
    if (!(error instanceof ProbarError) || error.code === 'internal') throw error
    if (!user) return null
    throw error instanceof NtStatusError ? error : asRaised(error)
  }
}

/** MmUnmapLockedPages. */
export function unmapLockedPages(state: MmState, address: Va, mdl: Mdl): void {
  const routine = 'MmUnmapLockedPages'
  const { kernel } = state
  const shadow = state.mdls.check(routine, mdl)
  const user = shadow.userViews.has(address)
  kernel.requireIrql(routine, 'MDL-084', user ? KIRQL.APC_LEVEL : KIRQL.DISPATCH_LEVEL)
  if (user) return unmapUser(state, shadow, address)
  if (shadow.systemView === undefined) {
    const bugCheck = { code: 0xc4, parameter: 0xb6 }
    kernel.ledger.raise({ rule: 'VER-012', routine, text: 'the MDL is not mapped', bugCheck })
  }
  if (shadow.systemView !== address) {
    const bugCheck = { code: 0xda, parameter: 0x03 }
    kernel.ledger.raise({ rule: 'MDL-142', routine, text: 'the address is not the one that was mapped', bugCheck })
  }
  unmapSystem(state, shadow)
}

/** Ends the system view, where there is one. */
export function unmapSystem({ kernel, attributes }: MmState, shadow: MdlShadow): void {
  if (shadow.systemView === undefined) return
  kernel.memory.unmap(pageOf(shadow.systemView))
  attributes.release(shadow.frames)
  shadow.systemView = undefined
  shadow.mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
}

/** Ends one user view. */
export function unmapUser({ kernel, attributes }: MmState, shadow: MdlShadow, address: Va): void {
  kernel.memory.unmap(pageOf(address))
  attributes.release(shadow.frames)
  shadow.userViews.delete(address)
}

function checkMappable({ kernel }: MmState, { mdl, systemView }: MdlShadow, user: boolean, mustNotFail: boolean): void {
  const routine = 'MmMapLockedPagesSpecifyCache'
  if (!describesLockedPages(mdl)) {
    const bugCheck = { code: 0xc4, parameter: 0x85 }
    kernel.ledger.raise({ rule: 'MDL-070', routine, text: 'the pages are not locked', bugCheck })
  }
  if (mustNotFail && !user) {
    const bugCheck = { code: 0xc4, parameter: 0x82 }
    kernel.ledger.raise({ rule: 'MDL-075', routine, text: 'BugCheckOnFailure must be FALSE', bugCheck })
  }
  if (!user && (systemView !== undefined || mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA))) {
    const bugCheck = { code: 0xc4, parameter: 0xb2 }
    kernel.ledger.raise({ rule: 'MDL-074', routine, text: 'the MDL already has a system mapping', bugCheck })
  }
}

function map(state: MmState, shadow: MdlShadow, request: ViewRequest, user: boolean): Va {
  const { kernel, attributes } = state
  const { CacheType, Priority, RequestedAddress } = request
  const readOnly = (Priority & MM_PAGE_PRIORITY.MdlMappingNoWrite) !== 0
  const protection = readOnly ? Protection.read : Protection.readWrite
  const place = user && RequestedAddress !== NULL ? requested(state, RequestedAddress, shadow) : undefined
  const frames = { memory: kernel.frames, indices: shadow.frames }
  attributes.claim(shadow.frames, CacheType)
  try {
    const view = kernel.memory.mapFrames(frames, protection, user ? 'user' : 'system', place)
    return va(view.address + BigInt(MmGetMdlByteOffset(shadow.mdl)))
  } catch (error) {
    attributes.release(shadow.frames)
    throw error
  }
}

/** @throws NtStatusError STATUS_INVALID_ADDRESS when unaligned (ERR-08) or too close to the top (MDL-078) */
function requested({ kernel }: MmState, address: Va, { frames }: MdlShadow): Va {
  const aligned = address % BigInt(PAGE_SIZE) === 0n
  const end = address + BigInt(frames.length * PAGE_SIZE)
  if (aligned && end <= kernel.memory.userProbeAddress) return address
  const why = aligned ? 'the view would not end in user space' : 'it is not page aligned'
  throw new NtStatusError(NtStatus.STATUS_INVALID_ADDRESS, `the requested address is invalid: ${why}`)
}

function noteSystemView(shadow: MdlShadow, address: Va): void {
  shadow.systemView = address
  shadow.mdl.header.set('MappedSystemVa', address)
  shadow.mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
}

/** A view begins at a page, wherever in it the buffer does. */
const pageOf = (address: Va): Va => va(address - (address % BigInt(PAGE_SIZE)))

/** MDL-078, MDL-079 */
function asRaised(error: ProbarError): NtStatusError {
  const conflicting = error.code === 'range-outside'
  const status = conflicting ? NtStatus.STATUS_CONFLICTING_ADDRESSES : NtStatus.STATUS_NO_MEMORY
  return new NtStatusError(status, error.message, { cause: error })
}
