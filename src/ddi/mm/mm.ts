import { type PhysicalAddress, type Va, va } from '../../base/address.ts'
import { NtStatusError, ProbarError } from '../../base/errors.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { PAGE_SIZE, pagesIn } from '../../base/pages.ts'
import { Protection } from '../../native/surface.ts'
import { KIRQL, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, MM_ALLOCATE, MM_PAGE_PRIORITY, MdlFlags } from '../constants.ts'
import type { Kernel } from '../kernel.ts'
import { FrameAttributes } from './frame-attributes.ts'
import {
  EMPTY_SLOT,
  MDL_MAX_BYTES,
  Mdl,
  MmGetMdlByteOffset,
  MmGetMdlPfnArray,
  MmInitializeMdl,
  MmSizeOfMdl,
  describesLockedPages,
} from './mdl.ts'
import { MdlLedger, type MdlShadow } from './mdl-ledger.ts'
import { allocateFromWindows } from './page-windows.ts'

const NULL = va(0n)
const KNOWN_FLAGS = Object.values(MM_ALLOCATE).reduce((all, flag) => all | flag, 0)

/** The memory manager's routines for MDLs (rules, section 1). One a session. */
export class Mm {
  readonly #kernel: Kernel
  readonly #mdls: MdlLedger
  readonly #attributes: FrameAttributes

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#mdls = new MdlLedger(kernel)
    this.#attributes = new FrameAttributes(kernel.frames.size / PAGE_SIZE)
  }

  /** MDLs that are alive. */
  get alive(): number {
    return this.#mdls.alive
  }

  /**
   * Pages without an address, described by a new MDL (MDL-110 to MDL-122). The result may cover fewer bytes than
   * asked for (MDL-112); null means none at all.
   * @param TotalBytes rounded up to pages; at most 4 GiB - 4096 (MDL-116)
   * @param _CacheType fixes nothing: the first mapping does (ERR-07)
   */
  MmAllocatePagesForMdlEx(
    LowAddress: PhysicalAddress,
    HighAddress: PhysicalAddress,
    SkipBytes: PhysicalAddress,
    TotalBytes: number,
    _CacheType: MEMORY_CACHING_TYPE,
    Flags: number,
  ): Mdl | null {
    this.#kernel.requireIrql('MmAllocatePagesForMdlEx', 'MDL-125', KIRQL.DISPATCH_LEVEL)
    const chunks = (Flags & MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS) !== 0
    if (!isValidRequest(SkipBytes, TotalBytes, Flags, chunks)) return null
    const pages = pagesIn(TotalBytes)
    const frames = allocateFromWindows(this.#kernel.frames, { LowAddress, HighAddress, SkipBytes, pages, chunks })
    const short = frames.length < pages && (Flags & MM_ALLOCATE.MM_ALLOCATE_FULLY_REQUIRED) !== 0
    const mdl = frames.length === 0 || short ? null : this.#newMdl(frames)
    if (mdl === null) {
      this.#kernel.frames.free(frames)
      return null
    }
    if ((Flags & MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION) === 0) this.#kernel.frames.zero(frames)
    return mdl
  }

  /** Gives the pages back, and a system mapping with them (MDL-087, MDL-123); the MDL itself goes with ExFreePool. */
  MmFreePagesFromMdl(MemoryDescriptorList: Mdl): void {
    const routine = 'MmFreePagesFromMdl'
    this.#kernel.requireIrql(routine, 'MDL-125', KIRQL.DISPATCH_LEVEL)
    const shadow = this.#mdls.check(routine, MemoryDescriptorList)
    if (!MemoryDescriptorList.has(MdlFlags.MDL_PAGES_LOCKED) || shadow.frames.length === 0) {
      const bugCheck = { code: 0x1a, parameter: 0x1236 }
      this.#kernel.ledger.raise({ rule: 'MDL-124', routine, text: 'the MDL describes no allocated pages', bugCheck })
    }
    if (shadow.userViews.size > 0) {
      const bugCheck = { code: 0xc4, parameter: 0xb8 }
      this.#kernel.ledger.raise({ rule: 'VER-012', routine, text: 'a user mapping is still there', bugCheck })
    }
    if (shadow.lists > 0) {
      this.#kernel.ledger.raise({
        rule: 'DMA-025',
        routine,
        text: 'a scatter/gather list of its pages is not put back',
      })
    }
    this.#freePages(shadow)
  }

  /** Releases the memory of an MDL whose pages are freed (MDL-123). */
  ExFreePool(MemoryDescriptorList: Mdl): void {
    const shadow = this.#mdls.check('ExFreePool', MemoryDescriptorList)
    if (shadow.frames.length > 0) {
      this.#kernel.ledger.raise({ rule: 'MDL-123', routine: 'ExFreePool', text: 'MmFreePagesFromMdl comes first' })
    }
    this.#mdls.retire(MemoryDescriptorList)
  }

  /**
   * A second view of the pages (MDL-070 to MDL-083). KernelMode: null on failure. UserMode: raises, never null.
   * @param RequestedAddress UserMode only; 0 for any (MDL-078)
   * @throws NtStatusError STATUS_INVALID_ADDRESS, STATUS_CONFLICTING_ADDRESSES, STATUS_NO_MEMORY in UserMode
   */
  MmMapLockedPagesSpecifyCache(
    MemoryDescriptorList: Mdl,
    AccessMode: KPROCESSOR_MODE,
    CacheType: MEMORY_CACHING_TYPE,
    RequestedAddress: Va,
    BugCheckOnFailure: boolean,
    Priority: number,
  ): Va | null {
    const routine = 'MmMapLockedPagesSpecifyCache'
    const user = AccessMode === KPROCESSOR_MODE.UserMode
    this.#kernel.requireIrql(routine, 'MDL-084', user ? KIRQL.APC_LEVEL : KIRQL.DISPATCH_LEVEL)
    const shadow = this.#mdls.check(routine, MemoryDescriptorList)
    this.#checkMappable(routine, shadow, user, BugCheckOnFailure)
    const readOnly = (Priority & MM_PAGE_PRIORITY.MdlMappingNoWrite) !== 0
    const at = user && RequestedAddress !== NULL ? RequestedAddress : undefined
    try {
      const address = this.#map(shadow, CacheType, readOnly ? Protection.read : Protection.readWrite, user, at)
      if (user) shadow.userViews.add(address)
      else this.#noteSystemView(shadow, address)
      return address
    } catch (error) {
      this.#kernel.shortages.note(error)
      if (!(error instanceof ProbarError) || error.code === 'internal') throw error
      if (!user) return null
      throw error instanceof NtStatusError ? error : asRaised(error)
    }
  }

  /** Removes one mapping of the MDL (MDL-072, MDL-087). @param BaseAddress what the map call returned */
  MmUnmapLockedPages(BaseAddress: Va, MemoryDescriptorList: Mdl): void {
    const routine = 'MmUnmapLockedPages'
    const shadow = this.#mdls.check(routine, MemoryDescriptorList)
    const user = shadow.userViews.has(BaseAddress)
    this.#kernel.requireIrql(routine, 'MDL-084', user ? KIRQL.APC_LEVEL : KIRQL.DISPATCH_LEVEL)
    if (user) return this.#unmapUser(shadow, BaseAddress)
    if (shadow.systemView === undefined) {
      const bugCheck = { code: 0xc4, parameter: 0xb6 }
      this.#kernel.ledger.raise({ rule: 'VER-012', routine, text: 'the MDL is not mapped', bugCheck })
    }
    if (shadow.systemView !== BaseAddress) {
      const bugCheck = { code: 0xda, parameter: 0x03 }
      this.#kernel.ledger.raise({
        rule: 'MDL-142',
        routine,
        text: 'the address is not the one that was mapped',
        bugCheck,
      })
    }
    this.#unmapSystem(shadow)
  }

  /** The system view, made on demand (MDL-086). @returns null when it cannot be made */
  MmGetSystemAddressForMdlSafe(Mdl: Mdl, Priority: number): Va | null {
    this.#mdls.check('MmGetSystemAddressForMdlSafe', Mdl)
    if ((Mdl.MdlFlags & (MdlFlags.MDL_MAPPED_TO_SYSTEM_VA | MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL)) !== 0) {
      return va(Mdl.header.get('MappedSystemVa'))
    }
    const { KernelMode } = KPROCESSOR_MODE
    return this.MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MEMORY_CACHING_TYPE.MmCached, NULL, false, Priority)
  }

  /** True while the MDL has a view in either mode. */
  isMapped(mdl: Mdl): boolean {
    const shadow = this.#mdls.check('isMapped', mdl)
    return shadow.systemView !== undefined || shadow.userViews.size > 0
  }

  /** Counts the lists through which a device reaches the pages: +1 for one more, -1 for one less. */
  countList(mdl: Mdl, change: 1 | -1): void {
    const shadow = this.#mdls.find(mdl)
    if (shadow !== undefined) shadow.lists += change
  }

  /** The frames that the MDL describes, in order, for a DMA mapping. @throws CallerError for a freed MDL */
  framesOf(routine: string, mdl: Mdl): Uint32Array {
    return this.#mdls.check(routine, mdl).frames
  }

  /**
   * Takes back every MDL that is left, pages and views included, and writes each down as leaked. Goes by the shadows
   * alone: the bytes of an MDL may be what a driver made of them.
   */
  close(): void {
    for (const shadow of this.#mdls.all()) {
      const text = `an MDL of ${shadow.frames.length} pages was never freed`
      this.#kernel.ledger.note({ rule: 'MDL-123', routine: 'close', text })
      for (const view of shadow.userViews) this.#unmapUser(shadow, view)
      this.#freePages(shadow)
      this.#mdls.retire(shadow.mdl)
    }
  }

  #newMdl(frames: Uint32Array): Mdl | null {
    const size = frames.length * PAGE_SIZE
    const block = this.#kernel.pool.allocate(MmSizeOfMdl(NULL, size))
    if (block === undefined) return null
    const mdl = new Mdl(block)
    MmInitializeMdl(mdl, NULL, size)
    const entries = MmGetMdlPfnArray(mdl)
    for (let i = 0; i < frames.length; i++) entries[i] = BigInt(this.#kernel.frames.pfn(frames[i] ?? 0))
    mdl.MdlFlags |= MdlFlags.MDL_PAGES_LOCKED
    this.#mdls.add(mdl, frames)
    return mdl
  }

  #checkMappable(routine: string, { mdl, systemView }: MdlShadow, user: boolean, bugCheckOnFailure: boolean): void {
    if (!describesLockedPages(mdl)) {
      const bugCheck = { code: 0xc4, parameter: 0x85 }
      this.#kernel.ledger.raise({ rule: 'MDL-070', routine, text: 'the pages are not locked', bugCheck })
    }
    if (bugCheckOnFailure && !user) {
      const bugCheck = { code: 0xc4, parameter: 0x82 }
      this.#kernel.ledger.raise({ rule: 'MDL-075', routine, text: 'BugCheckOnFailure must be FALSE', bugCheck })
    }
    if (!user && (systemView !== undefined || mdl.has(MdlFlags.MDL_MAPPED_TO_SYSTEM_VA))) {
      const bugCheck = { code: 0xc4, parameter: 0xb2 }
      this.#kernel.ledger.raise({ rule: 'MDL-074', routine, text: 'the MDL already has a system mapping', bugCheck })
    }
  }

  #map(shadow: MdlShadow, type: MEMORY_CACHING_TYPE, protection: Protection, user: boolean, at?: Va): Va {
    const place = at === undefined ? undefined : this.#requested(at, shadow)
    const frames = { memory: this.#kernel.frames, indices: shadow.frames }
    this.#attributes.claim(shadow.frames, type)
    try {
      const view = this.#kernel.memory.mapFrames(frames, protection, user ? 'user' : 'system', place)
      return va(view.address + BigInt(MmGetMdlByteOffset(shadow.mdl)))
    } catch (error) {
      this.#attributes.release(shadow.frames)
      throw error
    }
  }

  /** @throws NtStatusError STATUS_INVALID_ADDRESS when unaligned (ERR-08) or too close to the top (MDL-078) */
  #requested(address: Va, { frames }: MdlShadow): Va {
    const aligned = address % BigInt(PAGE_SIZE) === 0n
    const end = address + BigInt(frames.length * PAGE_SIZE)
    if (aligned && end <= this.#kernel.memory.userProbeAddress) return address
    const why = aligned ? 'the view would not end in user space' : 'it is not page aligned'
    throw new NtStatusError(NtStatus.STATUS_INVALID_ADDRESS, `the requested address is invalid: ${why}`)
  }

  #noteSystemView(shadow: MdlShadow, address: Va): void {
    shadow.systemView = address
    shadow.mdl.header.set('MappedSystemVa', address)
    shadow.mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
  }

  #freePages(shadow: MdlShadow): void {
    this.#unmapSystem(shadow)
    this.#kernel.frames.free(shadow.frames)
    shadow.frames = new Uint32Array()
    shadow.mdl.slots().fill(EMPTY_SLOT)
    shadow.mdl.MdlFlags &= ~MdlFlags.MDL_PAGES_LOCKED
  }

  #unmapSystem(shadow: MdlShadow): void {
    if (shadow.systemView === undefined) return
    this.#kernel.memory.unmap(pageOf(shadow.systemView))
    this.#attributes.release(shadow.frames)
    shadow.systemView = undefined
    shadow.mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
  }

  #unmapUser(shadow: MdlShadow, address: Va): void {
    this.#kernel.memory.unmap(pageOf(address))
    this.#attributes.release(shadow.frames)
    shadow.userViews.delete(address)
  }
}

/** MDL-111, MDL-116, MDL-119, MDL-122: what makes the routine return NULL before it looks for a page. */
function isValidRequest(skip: bigint, bytes: number, flags: number, chunks: boolean): boolean {
  const pages = BigInt(PAGE_SIZE)
  if (!Number.isInteger(bytes) || bytes <= 0 || bytes > MDL_MAX_BYTES) return false
  if ((flags & ~KNOWN_FLAGS) !== 0 || skip % pages !== 0n) return false
  if (!chunks || skip === 0n) return true
  return (skip & (skip - 1n)) === 0n && BigInt(bytes) % skip === 0n
}

/** A view begins at a page, wherever in it the buffer does. */
const pageOf = (address: Va): Va => va(address - (address % BigInt(PAGE_SIZE)))

/** MDL-078, MDL-079 */
function asRaised(error: ProbarError): NtStatusError {
  const conflicting = error.code === 'range-outside'
  const status = conflicting ? NtStatus.STATUS_CONFLICTING_ADDRESSES : NtStatus.STATUS_NO_MEMORY
  return new NtStatusError(status, error.message, { cause: error })
}
