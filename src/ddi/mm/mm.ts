import { type PhysicalAddress, type Va, va } from '../../base/address.ts'
import { KPROCESSOR_MODE, MEMORY_CACHING_TYPE, MdlFlags } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { allocatePages, freeMdlMemory, freePagesFromMdl, releasePages } from './allocation.ts'
import type { Mdl } from './mdl.ts'
import { type MmState, newMmState } from './state.ts'
import { mapLockedPages, unmapLockedPages, unmapUser } from './views.ts'

const NULL = va(0n)

/**
 * The memory manager's routines for MDLs (rules, section 1), by their names and documented parameters. One a Windows.
 * What each does stands in the file of its subject.
 */
export class Mm {
  readonly #state: MmState

  constructor(kernel: Kernel) {
    this.#state = newMmState(kernel)
  }

  /** MDLs that are alive. */
  get alive(): number {
    return this.#state.mdls.alive
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
    const request = { LowAddress, HighAddress, SkipBytes, TotalBytes, Flags }
    return allocatePages(this.#state, 'MmAllocatePagesForMdlEx', request)
  }

  /** Gives the pages back, and a system mapping with them (MDL-087, MDL-123); the MDL itself goes with ExFreePool. */
  MmFreePagesFromMdl(MemoryDescriptorList: Mdl): void {
    freePagesFromMdl(this.#state, MemoryDescriptorList)
  }

  /** Releases the memory of an MDL whose pages are freed (MDL-123). */
  ExFreePool(MemoryDescriptorList: Mdl): void {
    freeMdlMemory(this.#state, MemoryDescriptorList)
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
    const request = { AccessMode, CacheType, RequestedAddress, BugCheckOnFailure, Priority }
    return mapLockedPages(this.#state, MemoryDescriptorList, request)
  }

  /** Removes one mapping of the MDL (MDL-072, MDL-087). @param BaseAddress what the map call returned */
  MmUnmapLockedPages(BaseAddress: Va, MemoryDescriptorList: Mdl): void {
    unmapLockedPages(this.#state, BaseAddress, MemoryDescriptorList)
  }

  /** The system view, made on demand (MDL-086). @returns null when it cannot be made */
  MmGetSystemAddressForMdlSafe(Mdl: Mdl, Priority: number): Va | null {
    this.#state.mdls.check('MmGetSystemAddressForMdlSafe', Mdl)
    if ((Mdl.MdlFlags & (MdlFlags.MDL_MAPPED_TO_SYSTEM_VA | MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL)) !== 0) {
      return va(Mdl.header.get('MappedSystemVa'))
    }
    const { KernelMode } = KPROCESSOR_MODE
    return this.MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MEMORY_CACHING_TYPE.MmCached, NULL, false, Priority)
  }

  /** True while the MDL has a view in either mode. */
  isMapped(mdl: Mdl): boolean {
    const shadow = this.#state.mdls.check('isMapped', mdl)
    return shadow.systemView !== undefined || shadow.userViews.size > 0
  }

  /** Counts the lists through which a device reaches the pages: +1 for one more, -1 for one less. */
  countList(mdl: Mdl, change: 1 | -1): void {
    const shadow = this.#state.mdls.find(mdl)
    if (shadow !== undefined) shadow.lists += change
  }

  /** The frames that the MDL describes, in order, for a DMA mapping. @throws CallerError for a freed MDL */
  framesOf(routine: string, mdl: Mdl): Uint32Array {
    return this.#state.mdls.check(routine, mdl).frames
  }

  /**
   * The MDL that follows in the chain, or null at its end (MDL-025).
   * @throws CallerError when Next points at no MDL that is alive
   */
  nextOf(routine: string, mdl: Mdl): Mdl | null {
    const { kernel, mdls } = this.#state
    mdls.check(routine, mdl)
    const next = mdl.header.get('Next')
    if (next === NULL) return null
    const found = mdls.at(va(next))
    if (found !== undefined) return found
    return kernel.ledger.raise({ rule: 'MDL-027', routine, text: 'Next points at an MDL that was freed, or at none' })
  }

  /**
   * Takes back every MDL that is left, pages and views included, and writes each down as leaked. Goes by the shadows
   * alone: the bytes of an MDL may be what a driver made of them.
   */
  close(): void {
    const { kernel, mdls } = this.#state
    for (const shadow of mdls.all()) {
      const text = `an MDL of ${shadow.frames.length} pages was never freed`
      kernel.ledger.note({ rule: 'MDL-123', routine: 'close', text })
      for (const view of shadow.userViews) unmapUser(this.#state, shadow, view)
      releasePages(this.#state, shadow)
      mdls.retire(shadow.mdl)
    }
  }
}
