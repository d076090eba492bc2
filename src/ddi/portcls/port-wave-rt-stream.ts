import { type PhysicalAddress, type Va, physicalAddress, va } from '../../base/address.ts'
import { PAGE_SHIFT, PAGE_SIZE, pagesIn } from '../../base/pages.ts'
import { KIRQL, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, MM_ALLOCATE, MM_PAGE_PRIORITY } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { type Mdl, MmGetMdlPfnArray } from '../mm/mdl.ts'
import type { Mm } from '../mm/mm.ts'
import type { IPortWaveRTStream } from './interfaces.ts'

const ZERO = physicalAddress(0n)
const NO_ADDRESS = va(0n)
/** MmFreePagesFromMdl does not take the port's MDLs. */
const OWNED_BY = 'WRT-013'
const CACHE_TYPES: readonly number[] = Object.values(MEMORY_CACHING_TYPE)

/**
 * IPortWaveRTStream: frames for a cyclic audio buffer and the port's kernel view of them (rules, section 5.3). All
 * methods run at PASSIVE_LEVEL (WRT-021). MDLs from here go back through FreePagesFromMdl only (WRT-013).
 */
export class PortWaveRTStream implements IPortWaveRTStream {
  readonly #kernel: Kernel
  readonly #mm: Mm
  /** Each MDL with its kernel view, where it has one. */
  readonly #owned = new Map<Mdl, Va | undefined>()

  constructor(kernel: Kernel, mm: Mm) {
    this.#kernel = kernel
    this.#mm = mm
  }

  /** MDLs that were not freed. */
  get allocated(): readonly Mdl[] {
    return [...this.#owned.keys()]
  }

  /**
   * Whole pages at or below HighAddress. They may be fewer than asked for, which MmGetMdlByteCount tells: when there are no
   * more, and under low-resources simulation, which grants half (WRT-010). null when there is none.
   */
  AllocatePagesForMdl(HighAddress: PhysicalAddress, TotalBytes: number): Mdl | null {
    const routine = 'AllocatePagesForMdl'
    this.#passive(routine)
    const short = TotalBytes > 0 && this.#kernel.lowResources.strikes(routine)
    const bytes = short ? Math.floor(pagesIn(TotalBytes) / 2) * PAGE_SIZE : TotalBytes
    const type = MEMORY_CACHING_TYPE.MmCached
    return this.#own(this.#mm.MmAllocatePagesForMdlEx(ZERO, HighAddress, ZERO, bytes, type, 0))
  }

  /** Adjacent pages inside [LowAddress, HighAddress], all or none (WRT-011), taken in one step (ERR-32). */
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
   * All pages in one contiguous kernel-mode range, in GetPhysicalPageAddress order; null on failure, also for a caching type
   * that there is not: it never raises (WRT-015, WRT-016).
   */
  MapAllocatedPages(MemoryDescriptorList: Mdl, CacheType: MEMORY_CACHING_TYPE): Va | null {
    this.#passive('MapAllocatedPages')
    this.#check('MapAllocatedPages', MemoryDescriptorList)
    if (!CACHE_TYPES.includes(CacheType)) return null
    const { KernelMode } = KPROCESSOR_MODE
    const priority = MM_PAGE_PRIORITY.NormalPagePriority
    const address = this.#mm.MmMapLockedPagesSpecifyCache(
      MemoryDescriptorList,
      KernelMode,
      CacheType,
      NO_ADDRESS,
      false,
      priority,
    )
    if (address !== null) this.#owned.set(MemoryDescriptorList, address)
    return address
  }

  /**
   * @param BaseAddress what MapAllocatedPages returned
   * @throws BugCheck 0xDA/0x03 for another address, a client's view included, 0xC4/0xB6 when nothing is mapped (WRT-014)
   */
  UnmapAllocatedPages(BaseAddress: Va, MemoryDescriptorList: Mdl): void {
    const routine = 'UnmapAllocatedPages'
    this.#passive(routine)
    this.#check(routine, MemoryDescriptorList)
    const view = this.#owned.get(MemoryDescriptorList)
    if (BaseAddress !== view) {
      const [text, code, parameter] =
        view === undefined
          ? (['the MDL is not mapped', 0xc4, 0xb6] as const)
          : (['the address is not the one that was mapped', 0xda, 0x03] as const)
      this.#kernel.ledger.raise({ rule: 'WRT-014', routine, text, bugCheck: { code, parameter } })
    }
    this.#mm.MmUnmapLockedPages(BaseAddress, MemoryDescriptorList)
    this.#owned.set(MemoryDescriptorList, undefined)
  }

  /** Frees pages and MDL together; a mapping must be gone before, and so must a list through which a device reaches them (WRT-013, WRT-014). */
  FreePagesFromMdl(MemoryDescriptorList: Mdl): void {
    const routine = 'FreePagesFromMdl'
    this.#passive(routine)
    this.#check(routine, MemoryDescriptorList)
    if (this.#mm.isMapped(MemoryDescriptorList)) {
      const bugCheck = { code: 0xc4, parameter: 0xb8 }
      this.#kernel.ledger.raise({ rule: 'WRT-014', routine, text: 'the pages are still mapped', bugCheck })
    }
    this.#mm.keep(MemoryDescriptorList, undefined)
    try {
      this.#mm.MmFreePagesFromMdl(MemoryDescriptorList)
    } catch (error) {
      this.#mm.keep(MemoryDescriptorList, OWNED_BY)
      throw error
    }
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
   * The CPU's address of page `Index`; a device reaches it only by way of a DMA mapping (WRT-020). For an index at or above
   * the count it is 0, and the ledger has an error of the caller (WRT-018, ERR-20).
   */
  GetPhysicalPageAddress(MemoryDescriptorList: Mdl, Index: number): PhysicalAddress {
    const routine = 'GetPhysicalPageAddress'
    this.#passive(routine)
    this.#check(routine, MemoryDescriptorList)
    const frame = MmGetMdlPfnArray(MemoryDescriptorList)[Index]
    if (frame === undefined) {
      this.#kernel.ledger.note({ rule: 'WRT-018', routine, text: `index ${Index} is not below the count` })
      return ZERO
    }
    return physicalAddress(frame << BigInt(PAGE_SHIFT))
  }

  #own(mdl: Mdl | null): Mdl | null {
    if (mdl === null) return null
    this.#owned.set(mdl, undefined)
    this.#mm.keep(mdl, OWNED_BY)
    return mdl
  }

  #check(routine: string, mdl: Mdl): void {
    if (!this.#owned.has(mdl)) {
      this.#kernel.ledger.raise({ rule: OWNED_BY, routine, text: 'the MDL is none of this stream' })
    }
  }

  #passive(routine: string): void {
    this.#kernel.requireIrql(routine, 'WRT-021', KIRQL.PASSIVE_LEVEL)
  }
}
