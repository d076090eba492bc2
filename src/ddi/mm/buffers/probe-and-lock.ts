import { type Va, va } from '../../../base/address.ts'
import { NtStatusError } from '../../../base/errors.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { KIRQL, KPROCESSOR_MODE, LOCK_OPERATION, MdlFlags } from '../../constants.ts'
import type { Translation } from '../../kernel/translation.ts'
import {
  ADDRESS_AND_SIZE_TO_SPAN_PAGES,
  EMPTY_SLOT,
  type Mdl,
  MmGetMdlByteCount,
  MmGetMdlPfnArray,
  MmGetMdlVirtualAddress,
} from '../mdl.ts'
import { type MdlShadow, describesPages, seal } from '../mdl-shadows.ts'
import type { MmState } from '../state.ts'
import { notePfns } from './pfns.ts'

export interface LockRequest {
  readonly AccessMode: KPROCESSOR_MODE
  readonly Operation: LOCK_OPERATION
}

/** Where pages are locked by name of the routine, with what the Driver Verifier calls its misuse. */
interface LockRoutine {
  readonly routine: string
  /** Parameter 1 of bug check 0xC4 for wrong flags (VER-012), and for a level that is too high (VER-013). */
  readonly flagsCode: number
  readonly irqlCode: number
}

const OWN: LockRoutine = { routine: 'MmProbeAndLockPages', flagsCode: 0xb0, irqlCode: 0x70 }
const OTHER: LockRoutine = { routine: 'MmProbeAndLockProcessPages', flagsCode: 0xb1, irqlCode: 0x71 }

/** An MDL with one of these is locked, mapped or filled by other means already (MDL-055). */
const FORBIDDEN =
  MdlFlags.MDL_PAGES_LOCKED |
  MdlFlags.MDL_MAPPED_TO_SYSTEM_VA |
  MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL |
  MdlFlags.MDL_PARTIAL |
  MdlFlags.MDL_IO_SPACE

/** MmProbeAndLockPages. */
export function probeAndLockPages(state: MmState, mdl: Mdl, request: LockRequest): void {
  lock(state, mdl, request, OWN)
}

/** MmProbeAndLockProcessPages, once the context is that of the process. */
export function probeAndLockProcessPages(state: MmState, mdl: Mdl, request: LockRequest): void {
  lock(state, mdl, request, OTHER)
}

/**
 * In the documented order (MDL-050): the range and the access are checked for every page, then all pages are locked, then
 * the array is filled. The pages of a failed call were never locked (MDL-052).
 */
function lock(state: MmState, mdl: Mdl, request: LockRequest, by: LockRoutine): void {
  const { kernel } = state
  const { routine } = by
  kernel.verifyIrql(routine, { rule: 'MDL-058', highest: KIRQL.DISPATCH_LEVEL, code: by.irqlCode })
  const shadow = state.mdls.check(routine, mdl)
  checkFlags(state, shadow, by)
  const address = MmGetMdlVirtualAddress(mdl)
  const length = MmGetMdlByteCount(mdl)
  if (request.AccessMode === KPROCESSOR_MODE.UserMode) checkUserRange(state, mdl, address, length)
  const pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, length)
  const found = kernel.translate(address, pages)
  checkMemory(state, found, by)
  const write = request.Operation !== LOCK_OPERATION.IoReadAccess
  const allowed = write ? found.writable : found.readable
  const resolved = allowed ? found.frames : new Uint32Array()
  if (resolved.length < pages) refuse(state, mdl, resolved)
  if (kernel.lowResources.strikes(routine)) {
    mdl.slots()[0] = EMPTY_SLOT
    throw new NtStatusError(NtStatus.STATUS_WORKING_SET_QUOTA, 'no page may be locked any more')
  }
  kernel.locks.lock(resolved)
  notePfns(kernel, mdl, resolved)
  noteLock(state, shadow, { frames: resolved, user: address < kernel.memory.userProbeAddress, write })
}

function checkFlags({ kernel }: MmState, shadow: MdlShadow, { routine, flagsCode }: LockRoutine): void {
  const { mdl } = shadow
  if (MmGetMdlByteCount(mdl) === 0) {
    kernel.ledger.raise({ rule: 'MDL-055', routine, text: 'the MDL describes no byte' })
  }
  if ((mdl.MdlFlags & FORBIDDEN) === 0 && !describesPages(shadow)) return
  const bugCheck = { code: 0xc4, parameter: flagsCode }
  kernel.ledger.raise({ rule: 'VER-012', routine, text: 'the MDL describes pages already', bugCheck })
}

/** Registers are no RAM (VER-011), and memory that may move is only reached up to APC_LEVEL (MDL-058). */
function checkMemory({ kernel }: MmState, found: Translation, { routine, irqlCode }: LockRoutine): void {
  if (found.kind === 'registers') {
    const bugCheck = { code: 0xc4, parameter: 0x6f }
    kernel.ledger.raise({ rule: 'VER-011', routine, text: 'the address is that of registers', bugCheck })
  }
  if (found.memory === 'user' || found.memory === 'paged-pool') {
    kernel.verifyIrql(routine, { rule: 'MDL-058', highest: KIRQL.APC_LEVEL, code: irqlCode })
  }
}

/** @throws NtStatusError STATUS_ACCESS_VIOLATION before any page is touched (MDL-054) */
function checkUserRange({ kernel }: MmState, mdl: Mdl, address: Va, length: number): void {
  const end = address + BigInt(length)
  if (end <= kernel.memory.userProbeAddress) return
  MmGetMdlPfnArray(mdl)[0] = EMPTY_SLOT
  throw accessViolation('the range does not end in user space')
}

/** Fills what was found before the page that cannot be had, and ends the array there (MDL-052). */
function refuse({ kernel }: MmState, mdl: Mdl, resolved: Uint32Array): never {
  notePfns(kernel, mdl, resolved)
  mdl.slots()[resolved.length] = EMPTY_SLOT
  throw accessViolation(`page ${resolved.length} of the buffer cannot be had for the operation`)
}

interface Locked {
  readonly frames: Uint32Array
  readonly user: boolean
  readonly write: boolean
}

/** MDL-053 */
function noteLock({ kernel }: MmState, shadow: MdlShadow, { frames, user, write }: Locked): void {
  const { mdl } = shadow
  const process = user ? kernel.processes.current : undefined
  shadow.frames = frames
  shadow.lock = { process }
  if (process !== undefined) kernel.processes.countLocked(process, frames.length)
  mdl.header.set('Process', process?.address ?? va(0n))
  const flags = mdl.MdlFlags & ~MdlFlags.MDL_WRITE_OPERATION
  mdl.MdlFlags = flags | MdlFlags.MDL_PAGES_LOCKED | (write ? MdlFlags.MDL_WRITE_OPERATION : 0)
  seal(shadow)
}

const accessViolation = (why: string): NtStatusError => new NtStatusError(NtStatus.STATUS_ACCESS_VIOLATION, why)
