import { type PhysicalAddress, type Va, physicalAddress, va } from '../../base/address.ts'
import { PAGE_SHIFT } from '../../base/pages.ts'
import { KIRQL, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, MM_ALLOCATE, MM_PAGE_PRIORITY } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { type Mdl, MmGetMdlPfnArray } from '../mm/mdl.ts'
import type { Mm } from '../mm/mm.ts'

const ZERO = physicalAddress(0n)
const NO_ADDRESS = va(0n)

/**
 * IPortWaveRTStream: frames for a cyclic audio buffer and the port's kernel view of them (rules, section 5.3). All
 * methods run at PASSIVE_LEVEL (WRT-021). MDLs from here go back through FreePagesFromMdl only (WRT-013).
 */
export class PortWaveRTStream {
  readonly #kernel: Kernel
  readonly #mm: Mm
  readonly #owned = new Set<Mdl>()

  constructor(kernel: Kernel, mm: Mm) {
    this.#kernel = kernel
    this.#mm = mm
  }

  /** Whole pages below HighAddress, perhaps fewer than asked for; null when there is none (WRT-010). */
  AllocatePagesForMdl(HighAddress: PhysicalAddress, TotalBytes: number): Mdl | null {
    this.#passive('AllocatePagesForMdl')
    return this.#own(
      this.#mm.MmAllocatePagesForMdlEx(ZERO, HighAddress, ZERO, TotalBytes, MEMORY_CACHING_TYPE.MmCached, 0),
    )
  }

  /** Adjacent pages inside [LowAddress, HighAddress], all or none (WRT-011). */
  AllocateContiguousPagesForMdl(
    LowAddress: PhysicalAddress,
    HighAddress: PhysicalAddress,
    TotalBytes: number,
  ): Mdl | null {
    this.#passive('AllocateContiguousPagesForMdl')
    const flags = MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS | MM_ALLOCATE.MM_ALLOCATE_FULLY_REQUIRED
    const type = MEMORY_CACHING_TYPE.MmCached
    return this.#own(this.#mm.MmAllocatePagesForMdlEx(LowAddress, HighAddress, ZERO, TotalBytes, type, flags))
  }

  /**
   * All pages in one contiguous kernel-mode range, in GetPhysicalPageAddress order; null on failure, it never raises
   * (WRT-015, WRT-016).
   */
  MapAllocatedPages(MemoryDescriptorList: Mdl, CacheType: MEMORY_CACHING_TYPE): Va | null {
    this.#passive('MapAllocatedPages')
    this.#check('MapAllocatedPages', MemoryDescriptorList)
    const { KernelMode } = KPROCESSOR_MODE
    const priority = MM_PAGE_PRIORITY.NormalPagePriority
    return this.#mm.MmMapLockedPagesSpecifyCache(
      MemoryDescriptorList,
      KernelMode,
      CacheType,
      NO_ADDRESS,
      false,
      priority,
    )
  }

  /** @param BaseAddress what MapAllocatedPages returned */
  UnmapAllocatedPages(BaseAddress: Va, MemoryDescriptorList: Mdl): void {
    this.#passive('UnmapAllocatedPages')
    this.#check('UnmapAllocatedPages', MemoryDescriptorList)
    this.#mm.MmUnmapLockedPages(BaseAddress, MemoryDescriptorList)
  }

  /** Frees pages and MDL together; a mapping must be gone before (WRT-013, WRT-014). */
  FreePagesFromMdl(MemoryDescriptorList: Mdl): void {
    const routine = 'FreePagesFromMdl'
    this.#passive(routine)
    this.#check(routine, MemoryDescriptorList)
    if (this.#mm.isMapped(MemoryDescriptorList)) {
      const bugCheck = { code: 0xc4, parameter: 0xb8 }
      this.#kernel.ledger.raise({ rule: 'WRT-014', routine, text: 'the pages are still mapped', bugCheck })
    }
    this.#mm.MmFreePagesFromMdl(MemoryDescriptorList)
    this.#mm.ExFreePool(MemoryDescriptorList)
    this.#owned.delete(MemoryDescriptorList)
  }

  /** Pages of the MDL (WRT-018). */
  GetPhysicalPagesCount(MemoryDescriptorList: Mdl): number {
    this.#passive('GetPhysicalPagesCount')
    this.#check('GetPhysicalPagesCount', MemoryDescriptorList)
    return MmGetMdlPfnArray(MemoryDescriptorList).length
  }

  /**
   * The CPU's address of page `Index`; a device reaches it only by way of a DMA mapping (WRT-020).
   * @throws CallerError for an index at or above the count (ERR-20)
   */
  GetPhysicalPageAddress(MemoryDescriptorList: Mdl, Index: number): PhysicalAddress {
    const routine = 'GetPhysicalPageAddress'
    this.#passive(routine)
    this.#check(routine, MemoryDescriptorList)
    const frame = MmGetMdlPfnArray(MemoryDescriptorList)[Index]
    if (frame === undefined) {
      this.#kernel.ledger.raise({ rule: 'WRT-018', routine, text: `index ${Index} is not below the count` })
    }
    return physicalAddress(frame << BigInt(PAGE_SHIFT))
  }

  #own(mdl: Mdl | null): Mdl | null {
    if (mdl !== null) this.#owned.add(mdl)
    return mdl
  }

  #check(routine: string, mdl: Mdl): void {
    if (!this.#owned.has(mdl)) {
      this.#kernel.ledger.raise({ rule: 'WRT-013', routine, text: 'the MDL is none of this stream' })
    }
  }

  #passive(routine: string): void {
    this.#kernel.requireIrql(routine, 'WRT-021', KIRQL.PASSIVE_LEVEL)
  }
}
