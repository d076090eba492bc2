import type { PhysicalAddress, Va } from '../../base/address.ts'
import type { KPROCESSOR_MODE, MEMORY_CACHING_TYPE } from '../constants.ts'
import { allocatePages, freeMdlMemory, freePagesFromMdl } from './allocation.ts'
import { nextInChain } from './chain.ts'
import { discardAll } from './closing.ts'
import { requirePages } from './mappable.ts'
import type { Mdl } from './mdl.ts'
import { isMapped, seal } from './mdl-shadows.ts'
import type { MmState } from './state.ts'
import { prepareForReuse, systemAddressOf } from './system-address.ts'
import { mapLockedPages, unmapLockedPages } from './views.ts'

/**
 * The memory manager's routines for MDLs (rules, section 1), by their names and documented parameters. One a Windows.
 * What each does stands in the file of its subject.
 */
export class Mm {
  readonly #state: MmState

  constructor(state: MmState) {
    this.#state = state
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
    return systemAddressOf(this.#state, Mdl, Priority)
  }

  /** Ends the mapping that a partial MDL made for itself, and none else (MDL-105). */
  MmPrepareMdlForReuse(Mdl: Mdl): void {
    prepareForReuse(this.#state, Mdl)
  }

  /** True while the MDL has a view of its own in either mode. */
  isMapped(mdl: Mdl): boolean {
    return isMapped(this.#state.mdls.known('isMapped', mdl))
  }

  /** Counts the lists through which a device reaches the pages: +1 for one more, -1 for one less. */
  countList(mdl: Mdl, change: 1 | -1): void {
    const shadow = this.#state.mdls.find(mdl)
    if (shadow !== undefined) shadow.lists += change
  }

  /**
   * The frames that the MDL describes, in order, for a DMA mapping.
   * @throws CallerError for a freed MDL, or a part of one whose pages were given back
   */
  framesOf(routine: string, mdl: Mdl): Uint32Array {
    const shadow = this.#state.mdls.check(routine, mdl)
    requirePages(this.#state, routine, shadow)
    return shadow.frames
  }

  /** The bytes of the MDL are what a routine of another family made of them, no driver's doing. */
  accept(mdl: Mdl): void {
    const shadow = this.#state.mdls.find(mdl)
    if (shadow !== undefined) seal(shadow)
  }

  /** The MDL that follows in the chain, or null at its end (MDL-025). @throws CallerError when Next points nowhere */
  nextOf(routine: string, mdl: Mdl): Mdl | null {
    return nextInChain(this.#state, routine, mdl)
  }

  /**
   * Takes back every MDL that is left, pages and views included, and writes each down as leaked. Goes by the shadows
   * alone: the bytes of an MDL may be what a driver made of them.
   */
  close(): void {
    discardAll(this.#state)
  }
}
