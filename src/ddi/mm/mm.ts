import type { PhysicalAddress, Va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import type { NtStatus } from '../../base/ntstatus.ts'
import type { KPROCESSOR_MODE, LOCK_OPERATION, MEMORY_CACHING_TYPE, Out } from '../constants.ts'
import type { Process } from '../kernel/processes.ts'
import { allocatePages, freeMdlMemory, freePagesFromMdl } from './allocation.ts'
import { advanceMdl } from './buffers/advance.ts'
import { initializeMdl } from './buffers/initialize.ts'
import { buildForNonPagedPool } from './buffers/nonpaged.ts'
import { allocatePoolBlock, freePoolBlock } from './buffers/pool-blocks.ts'
import { probeAndLockPages, probeAndLockProcessPages } from './buffers/probe-and-lock.ts'
import { unlockPages } from './buffers/unlock.ts'
import { nextInChain } from './chain.ts'
import { discardAll } from './closing.ts'
import { allocateMdlForIoSpace } from './io-space/allocate.ts'
import { mapIoSpace, unmapIoSpace } from './io-space/map.ts'
import { requirePages } from './mapping/mappable.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES, type Mdl, MmSizeOfMdl } from './mdl.ts'
import { isMapped, seal } from './mdl-shadows.ts'
import type { PhysicalAddressList } from './io-space/physical-address-list.ts'
import { protectSystemAddress } from './mapping/protection.ts'
import type { MmState } from './state.ts'
import { prepareForReuse, systemAddressOf } from './mapping/system-address.ts'
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

  /** MmAllocatePagesForMdlEx without flags, so that the pages are always zeroed (MDL-115). */
  MmAllocatePagesForMdl(
    LowAddress: PhysicalAddress,
    HighAddress: PhysicalAddress,
    SkipBytes: PhysicalAddress,
    TotalBytes: number,
  ): Mdl | null {
    const request = { LowAddress, HighAddress, SkipBytes, TotalBytes, Flags: 0 }
    return allocatePages(this.#state, 'MmAllocatePagesForMdl', request)
  }

  /**
   * MmAllocatePagesForMdlEx with pages of a node of the machine, if it has some.
   * @param IdealNode 0: there is one node; null for another
   */
  MmAllocateNodePagesForMdlEx(
    LowAddress: PhysicalAddress,
    HighAddress: PhysicalAddress,
    SkipBytes: PhysicalAddress,
    TotalBytes: number,
    _CacheType: MEMORY_CACHING_TYPE,
    IdealNode: number,
    Flags: number,
  ): Mdl | null {
    if (IdealNode !== 0) return null
    const request = { LowAddress, HighAddress, SkipBytes, TotalBytes, Flags }
    return allocatePages(this.#state, 'MmAllocateNodePagesForMdlEx', request)
  }

  /** Gives the pages back, and a system mapping with them (MDL-087, MDL-123); the MDL itself goes with ExFreePool. */
  MmFreePagesFromMdl(MemoryDescriptorList: Mdl): void {
    freePagesFromMdl(this.#state, MemoryDescriptorList)
  }

  /**
   * Pool for a driver's buffer: contiguous by address over scattered frames; a block of a page or more is page aligned,
   * a smaller one lies within a page. Zeroed unless POOL_FLAG_UNINITIALIZED.
   * @param Flags POOL_FLAG_NON_PAGED or POOL_FLAG_PAGED, the pages of which may move while they are not locked
   * @returns null without memory, or for flags that there are not; with POOL_FLAG_RAISE_ON_FAILURE it raises then
   */
  ExAllocatePool2(Flags: number, NumberOfBytes: number, Tag: number): Va | null {
    return allocatePoolBlock(this.#state, { Flags, NumberOfBytes, Tag })
  }

  /** @param Tag of the allocation, or 0. @throws BugCheck 0xC4/0x13 for a block that was freed, 0xC4/0x10 for none */
  ExFreePoolWithTag(P: Va, Tag: number): void {
    freePoolBlock(this.#state, 'ExFreePoolWithTag', P, Tag)
  }

  /** Releases a pool block, or the memory of an MDL whose pages are freed or unlocked (MDL-123). */
  ExFreePool(P: Va | Mdl): void {
    if (typeof P === 'bigint') freePoolBlock(this.#state, 'ExFreePool', P)
    else freeMdlMemory(this.#state, P)
  }

  /** Pages that [Va, Va + Size) touches (MDL-005). @throws ProbarError range-outside where the macro would wrap (MDL-006) */
  ADDRESS_AND_SIZE_TO_SPAN_PAGES(Va: Va, Size: number): number {
    return ADDRESS_AND_SIZE_TO_SPAN_PAGES(Va, Size)
  }

  /** Bytes of an MDL for a buffer (MDL-007). @throws as ADDRESS_AND_SIZE_TO_SPAN_PAGES */
  MmSizeOfMdl(Base: Va, Length: number): number {
    return MmSizeOfMdl(Base, Length)
  }

  /** An MDL in memory of the caller's own (MDL-007, MDL-008). @param MemoryDescriptorList over a block of nonpaged pool */
  MmInitializeMdl(MemoryDescriptorList: Mdl, BaseVa: Va, Length: number): void {
    initializeMdl(this.#state, MemoryDescriptorList, BaseVa, Length)
  }

  /** Fills the array of an MDL over nonpaged memory; no lock, no mapping, nothing to undo (MDL-040 to MDL-045). */
  MmBuildMdlForNonPagedPool(MemoryDescriptorList: Mdl): void {
    buildForNonPagedPool(this.#state, MemoryDescriptorList)
  }

  /**
   * Locks the pages of the buffer, so that they stay where they are until MmUnlockPages, and fills the array (MDL-050 to
   * MDL-058). User addresses are those of the current process.
   * @throws NtStatusError STATUS_ACCESS_VIOLATION where something is not mapped, or not for the operation, or not in user
   *   space with UserMode; STATUS_WORKING_SET_QUOTA without resources. Nothing is locked then (MDL-051, MDL-052)
   */
  MmProbeAndLockPages(MemoryDescriptorList: Mdl, AccessMode: KPROCESSOR_MODE, Operation: LOCK_OPERATION): void {
    probeAndLockPages(this.#state, MemoryDescriptorList, { AccessMode, Operation })
  }

  /** The same for the user addresses of another process. */
  MmProbeAndLockProcessPages(
    MemoryDescriptorList: Mdl,
    Process: Process,
    AccessMode: KPROCESSOR_MODE,
    Operation: LOCK_OPERATION,
  ): void {
    const { kernel } = this.#state
    kernel.processes.within('MmProbeAndLockProcessPages', Process, () =>
      probeAndLockProcessPages(this.#state, MemoryDescriptorList, { AccessMode, Operation }),
    )
  }

  /** Undoes MmProbeAndLockPages; a system mapping goes first (MDL-059). The array is stale then (MDL-060). */
  MmUnlockPages(MemoryDescriptorList: Mdl): void {
    unlockPages(this.#state, MemoryDescriptorList)
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

  /**
   * What may be done through the system mapping that the MDL has (MDL-130); a forbidden access is an exception. Other
   * views of the pages, and devices, are not concerned.
   * @param NewProtect one of PAGE_PROTECTION
   * @returns STATUS_NOT_MAPPED_VIEW without a mapping of the MDL's own, STATUS_INVALID_PAGE_PROTECTION
   * @throws BugCheck 0x1A/0x1235 when only its flags say that it is mapped (MDL-131)
   */
  MmProtectMdlSystemAddress(MemoryDescriptorList: Mdl, NewProtect: number): NtStatus {
    return protectSystemAddress(this.#state, MemoryDescriptorList, NewProtect)
  }

  /**
   * An MDL over pages of the device's BARs, one range after another (MDL-132 to MDL-134); IoFreeMdl frees it.
   * @param NewMdl untouched unless the status is STATUS_SUCCESS
   * @returns STATUS_INVALID_PARAMETER_1, STATUS_INSUFFICIENT_RESOURCES; STATUS_NOT_SUPPORTED for what is neither RAM nor
   *   in a BAR of this device, which Probar cannot reach
   */
  MmAllocateMdlForIoSpace(
    PhysicalAddressList: PhysicalAddressList,
    NumberOfEntries: number,
    NewMdl: Out<Mdl>,
  ): NtStatus {
    return allocateMdlForIoSpace(this.#state, PhysicalAddressList, NumberOfEntries, NewMdl)
  }

  /**
   * A view of device space, or of RAM that is locked (DXM-030, VER-011); the offset in the page is kept.
   * @returns null when it cannot be made, or nothing lies there
   */
  MmMapIoSpace(PhysicalAddress: PhysicalAddress, NumberOfBytes: number, CacheType: MEMORY_CACHING_TYPE): Va | null {
    return mapIoSpace(this.#state, { PhysicalAddress, NumberOfBytes, CacheType })
  }

  /** @param NumberOfBytes as it was for MmMapIoSpace (DXM-032) */
  MmUnmapIoSpace(BaseAddress: Va, NumberOfBytes: number): void {
    unmapIoSpace(this.#state, BaseAddress, NumberOfBytes)
  }

  /**
   * Moves the start of the MDL's buffer, its end stays; pages that are passed are unlocked at once (MDL-136).
   * @param NumberOfBytes fewer than the MDL has (MDL-137)
   * @returns STATUS_INVALID_PARAMETER_2 for more
   */
  MmAdvanceMdl(Mdl: Mdl, NumberOfBytes: number): NtStatus {
    return advanceMdl(this.#state, Mdl, NumberOfBytes)
  }

  /** Ends the mapping that a partial MDL made for itself, and none else (MDL-105). */
  MmPrepareMdlForReuse(Mdl: Mdl): void {
    prepareForReuse(this.#state, Mdl)
  }

  /** For routines of other families. @throws CallerError for NULL, a freed MDL, or one of another session (MDL-013) */
  require(routine: string, mdl: Mdl): void {
    this.#state.mdls.known(routine, mdl)
  }

  /** False once the MDL's memory was freed. */
  isKnown(mdl: Mdl): boolean {
    return this.#state.mdls.find(mdl) !== undefined
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
    if (shadow.ranges.length > 0) throw new ProbarError('capability-missing', 'DMA into a BAR is not offered')
    requirePages(this.#state, routine, shadow)
    return shadow.frames
  }

  /**
   * The MDL goes back by a routine of another family only, until that gives it up: MmFreePagesFromMdl is refused by the
   * rule (WRT-013). @param rule undefined gives it up
   */
  keep(mdl: Mdl, rule: string | undefined): void {
    const shadow = this.#state.mdls.find(mdl)
    if (shadow !== undefined) shadow.keptBy = rule
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
