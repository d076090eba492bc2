import { type PhysicalAddress, va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE, pagesIn } from '../../base/pages.ts'
import { KIRQL, MM_ALLOCATE, MdlFlags } from '../constants.ts'
import { notePfns } from './buffers/pfns.ts'
import { EMPTY_SLOT, MDL_MAX_BYTES, Mdl, MmInitializeMdl, MmSizeOfMdl } from './mdl.ts'
import { type MdlShadow, isMapped, ownsPages, seal } from './mdl-shadows.ts'
import { allocateFromWindows } from './page-windows.ts'
import type { MmState } from './state.ts'
import { unmapSystem } from './views.ts'

export interface PagesRequest {
  readonly LowAddress: PhysicalAddress
  readonly HighAddress: PhysicalAddress
  readonly SkipBytes: PhysicalAddress
  readonly TotalBytes: number
  readonly Flags: number
}

const { MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS, MM_ALLOCATE_PREFER_CONTIGUOUS, MM_ALLOCATE_FULLY_REQUIRED } = MM_ALLOCATE
/** MDL-121: not both. */
const HOT_REMOVED_WHOLE = MM_ALLOCATE.MM_ALLOCATE_AND_HOT_REMOVE | MM_ALLOCATE_FULLY_REQUIRED
const KNOWN_FLAGS = Object.values(MM_ALLOCATE).reduce((all, flag) => all | flag, 0)
const NULL = va(0n)

/** MmAllocatePagesForMdlEx and its variants. */
export function allocatePages(state: MmState, routine: string, request: PagesRequest): Mdl | null {
  const { kernel } = state
  kernel.verifyIrql(routine, { rule: 'MDL-125', highest: KIRQL.DISPATCH_LEVEL, code: 0x7e })
  const { LowAddress, HighAddress, SkipBytes, TotalBytes, Flags } = request
  const has = (flag: number): boolean => (Flags & flag) !== 0
  if (has(MM_ALLOCATE.MM_ALLOCATE_AND_HOT_REMOVE)) kernel.requireIrql(routine, 'MDL-121', KIRQL.PASSIVE_LEVEL)
  if (!isValidRequest(request)) return null
  if (kernel.lowResources.strikes(routine)) return null
  const pages = pagesIn(TotalBytes)
  const [chunks, adjacent] = [has(MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS), has(MM_ALLOCATE_PREFER_CONTIGUOUS)]
  const frames = allocateFromWindows(kernel.frames, { LowAddress, HighAddress, SkipBytes, pages, chunks, adjacent })
  const short = frames.length < pages && has(MM_ALLOCATE_FULLY_REQUIRED)
  const mdl = frames.length === 0 || short ? null : newMdl(state, frames)
  if (mdl === null) {
    kernel.frames.free(frames)
    return null
  }
  if (has(MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION)) kernel.unwritten.handOut(frames)
  else kernel.unwritten.zero(frames)
  return mdl
}

/** MmFreePagesFromMdl. */
export function freePagesFromMdl(state: MmState, mdl: Mdl | null): void {
  const routine = 'MmFreePagesFromMdl'
  const { kernel } = state
  kernel.verifyIrql(routine, { rule: 'MDL-125', highest: KIRQL.DISPATCH_LEVEL, code: 0x7e })
  const shadow = state.mdls.check(routine, mdl)
  if (!ownsPages(shadow) || !shadow.mdl.has(MdlFlags.MDL_PAGES_LOCKED) || shadow.frames.length === 0) {
    const bugCheck = { code: 0x1a, parameter: 0x1236 }
    kernel.ledger.raise({ rule: 'MDL-124', routine, text: 'the MDL describes no allocated pages', bugCheck })
  }
  if (shadow.keptBy !== undefined) {
    const text = 'the MDL goes back by the routine of whom it came from'
    kernel.ledger.raise({ rule: shadow.keptBy, routine, text })
  }
  if (shadow.userViews.size > 0 || [...shadow.parts].some(isMapped)) {
    const bugCheck = { code: 0xc4, parameter: 0xb8 }
    const text = shadow.userViews.size > 0 ? 'a user mapping is still there' : 'a partial MDL is still mapped'
    kernel.ledger.raise({ rule: 'VER-012', routine, text, bugCheck })
  }
  if ([shadow, ...shadow.parts].some(({ lists }) => lists > 0)) {
    kernel.ledger.raise({
      rule: 'DMA-025',
      routine,
      text: 'a scatter/gather list of its pages waits, or is not put back',
    })
  }
  releasePages(state, shadow)
}

/** ExFreePool for the memory of an MDL. */
export function freeMdlMemory({ kernel, mdls }: MmState, mdl: Mdl | null): void {
  const routine = 'ExFreePool'
  kernel.verifyIrql(routine, { rule: 'VER-013', highest: KIRQL.DISPATCH_LEVEL, code: 0x12 })
  const shadow = mdls.check(routine, mdl)
  const { origin, frames } = shadow
  if (origin === 'io' || origin === 'io-space') {
    kernel.ledger.raise({ rule: 'MDL-020', routine, text: 'the MDL goes back by IoFreeMdl' })
  }
  if (ownsPages(shadow) && frames.length > 0) {
    kernel.ledger.raise({ rule: 'MDL-123', routine, text: 'MmFreePagesFromMdl comes first' })
  }
  if (shadow.lock !== undefined) {
    kernel.ledger.raise({ rule: 'MDL-059', routine, text: 'MmUnlockPages comes first' })
  }
  if (isMapped(shadow)) {
    const bugCheck = { code: 0xc4, parameter: 0xb8 }
    kernel.ledger.raise({ rule: 'VER-012', routine, text: 'a mapping is still there', bugCheck })
  }
  if (shadow.lists > 0) {
    kernel.ledger.raise({ rule: 'DMA-025', routine, text: 'a scatter/gather list of its pages is not put back' })
  }
  mdls.retire(shadow.mdl)
}

/** Gives the pages back, and a system view with them (MDL-087, MDL-124). */
export function releasePages(state: MmState, shadow: MdlShadow): void {
  unmapSystem(state, shadow)
  state.kernel.locks.free(shadow.frames)
  shadow.frames = new Uint32Array()
  shadow.mdl.slots().fill(EMPTY_SLOT)
  shadow.mdl.MdlFlags &= ~MdlFlags.MDL_PAGES_LOCKED
  seal(shadow)
}

function newMdl({ kernel, mdls }: MmState, frames: Uint32Array): Mdl | null {
  const size = frames.length * PAGE_SIZE
  const block = kernel.pool.allocate(MmSizeOfMdl(NULL, size))
  if (block === undefined) {
    kernel.shortages.note(new ProbarError('out-of-memory', `the pool has no room for an MDL of ${frames.length} pages`))
    return null
  }
  const mdl = new Mdl(block)
  MmInitializeMdl(mdl, NULL, size)
  notePfns(kernel, mdl, frames)
  mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED
  mdls.add(mdl, 'pages', { frames })
  return mdl
}

/**
 * MDL-111, MDL-116, MDL-119, MDL-121, MDL-122: what makes the routine return NULL before it looks for a page. The cache of
 * large pages that MM_ALLOCATE_FAST_LARGE_PAGES takes from is empty, which is a failure, whatever else is right.
 */
function isValidRequest({ SkipBytes: skip, TotalBytes: bytes, Flags: flags }: PagesRequest): boolean {
  const pages = BigInt(PAGE_SIZE)
  if (!Number.isInteger(bytes) || bytes <= 0 || bytes > MDL_MAX_BYTES) return false
  // PHYSICAL_ADDRESS is signed.
  if ((flags & ~KNOWN_FLAGS) !== 0 || skip < 0n || skip % pages !== 0n) return false
  if ((flags & MM_ALLOCATE.MM_ALLOCATE_FAST_LARGE_PAGES) !== 0) return false
  if ((flags & HOT_REMOVED_WHOLE) === HOT_REMOVED_WHOLE) return false
  if ((flags & MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS) === 0 || skip === 0n) return true
  return (skip & (skip - 1n)) === 0n && BigInt(bytes) % skip === 0n
}
