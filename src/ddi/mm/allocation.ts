import { type PhysicalAddress, va } from '../../base/address.ts'
import { PAGE_SIZE, pagesIn } from '../../base/pages.ts'
import { KIRQL, MM_ALLOCATE, MdlFlags } from '../constants.ts'
import { EMPTY_SLOT, MDL_MAX_BYTES, Mdl, MmGetMdlPfnArray, MmInitializeMdl, MmSizeOfMdl } from './mdl.ts'
import { type MdlShadow, isMapped, seal } from './mdl-shadows.ts'
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

const KNOWN_FLAGS = Object.values(MM_ALLOCATE).reduce((all, flag) => all | flag, 0)
const NULL = va(0n)

/** MmAllocatePagesForMdlEx and its variants. */
export function allocatePages(state: MmState, routine: string, request: PagesRequest): Mdl | null {
  const { kernel } = state
  kernel.verifyIrql(routine, { rule: 'MDL-125', highest: KIRQL.DISPATCH_LEVEL, code: 0x7e })
  const { LowAddress, HighAddress, SkipBytes, TotalBytes, Flags } = request
  const chunks = (Flags & MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS) !== 0
  if (!isValidRequest(SkipBytes, TotalBytes, Flags, chunks)) return null
  if (kernel.lowResources.strikes(routine)) return null
  const pages = pagesIn(TotalBytes)
  const frames = allocateFromWindows(kernel.frames, { LowAddress, HighAddress, SkipBytes, pages, chunks })
  const short = frames.length < pages && (Flags & MM_ALLOCATE.MM_ALLOCATE_FULLY_REQUIRED) !== 0
  const mdl = frames.length === 0 || short ? null : newMdl(state, frames)
  if (mdl === null) {
    kernel.frames.free(frames)
    return null
  }
  if ((Flags & MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION) === 0) kernel.unwritten.zero(frames)
  else kernel.unwritten.handOut(frames)
  return mdl
}

/** MmFreePagesFromMdl. */
export function freePagesFromMdl(state: MmState, mdl: Mdl | null): void {
  const routine = 'MmFreePagesFromMdl'
  const { kernel } = state
  kernel.verifyIrql(routine, { rule: 'MDL-125', highest: KIRQL.DISPATCH_LEVEL, code: 0x7e })
  const shadow = state.mdls.check(routine, mdl)
  if (shadow.origin !== 'pages' || !shadow.mdl.has(MdlFlags.MDL_PAGES_LOCKED) || shadow.frames.length === 0) {
    const bugCheck = { code: 0x1a, parameter: 0x1236 }
    kernel.ledger.raise({ rule: 'MDL-124', routine, text: 'the MDL describes no allocated pages', bugCheck })
  }
  if (shadow.userViews.size > 0 || [...shadow.parts].some(isMapped)) {
    const bugCheck = { code: 0xc4, parameter: 0xb8 }
    const text = shadow.userViews.size > 0 ? 'a user mapping is still there' : 'a partial MDL is still mapped'
    kernel.ledger.raise({ rule: 'VER-012', routine, text, bugCheck })
  }
  if ([shadow, ...shadow.parts].some(({ lists }) => lists > 0)) {
    kernel.ledger.raise({ rule: 'DMA-025', routine, text: 'a scatter/gather list of its pages is not put back' })
  }
  releasePages(state, shadow)
}

/** ExFreePool for the memory of an MDL. */
export function freeMdlMemory({ kernel, mdls }: MmState, mdl: Mdl | null): void {
  const routine = 'ExFreePool'
  const shadow = mdls.check(routine, mdl)
  const { origin, frames } = shadow
  if (origin === 'io' || origin === 'io-space') {
    kernel.ledger.raise({ rule: 'MDL-020', routine, text: 'the MDL goes back by IoFreeMdl' })
  }
  if (origin === 'pages' && frames.length > 0) {
    kernel.ledger.raise({ rule: 'MDL-123', routine, text: 'MmFreePagesFromMdl comes first' })
  }
  if (shadow.lock !== undefined) {
    kernel.ledger.raise({ rule: 'MDL-059', routine, text: 'MmUnlockPages comes first' })
  }
  if (isMapped(shadow)) {
    const bugCheck = { code: 0xc4, parameter: 0xb8 }
    kernel.ledger.raise({ rule: 'VER-012', routine, text: 'a mapping is still there', bugCheck })
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
  if (block === undefined) return null
  const mdl = new Mdl(block)
  MmInitializeMdl(mdl, NULL, size)
  const entries = MmGetMdlPfnArray(mdl)
  for (let i = 0; i < frames.length; i++) entries[i] = BigInt(kernel.frames.pfn(frames[i] ?? 0))
  mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED
  mdls.add(mdl, 'pages', { frames })
  return mdl
}

/** MDL-111, MDL-116, MDL-119, MDL-122: what makes the routine return NULL before it looks for a page. */
function isValidRequest(skip: bigint, bytes: number, flags: number, chunks: boolean): boolean {
  const pages = BigInt(PAGE_SIZE)
  if (!Number.isInteger(bytes) || bytes <= 0 || bytes > MDL_MAX_BYTES) return false
  if ((flags & ~KNOWN_FLAGS) !== 0 || skip % pages !== 0n) return false
  if (!chunks || skip === 0n) return true
  return (skip & (skip - 1n)) === 0n && BigInt(bytes) % skip === 0n
}
