/** Constants of wdm.h and ntddk.h, by their names (spec/rules.json names the source of each). */

/** MDL-010 */
export const MdlFlags = {
  MDL_MAPPED_TO_SYSTEM_VA: 0x0001,
  MDL_PAGES_LOCKED: 0x0002,
  MDL_SOURCE_IS_NONPAGED_POOL: 0x0004,
  MDL_ALLOCATED_FIXED_SIZE: 0x0008,
  MDL_PARTIAL: 0x0010,
  MDL_PARTIAL_HAS_BEEN_MAPPED: 0x0020,
  MDL_IO_PAGE_READ: 0x0040,
  MDL_WRITE_OPERATION: 0x0080,
  MDL_PARENT_MAPPED_SYSTEM_VA: 0x0100,
  MDL_FREE_EXTRA_PTES: 0x0200,
  MDL_DESCRIBES_AWE: 0x0400,
  MDL_IO_SPACE: 0x0800,
  MDL_NETWORK_HEADER: 0x1000,
  MDL_MAPPING_CAN_FAIL: 0x2000,
  MDL_ALLOCATED_MUST_SUCCEED: 0x4000,
  MDL_INTERNAL: 0x8000,
} as const

/** DXM-002: drivers may pass 0 to 2. */
export const MEMORY_CACHING_TYPE = { MmNonCached: 0, MmCached: 1, MmWriteCombined: 2 } as const
export type MEMORY_CACHING_TYPE = number

export const KPROCESSOR_MODE = { KernelMode: 0, UserMode: 1 } as const
export type KPROCESSOR_MODE = number

/** MDL-050: write and modify are the same. */
export const LOCK_OPERATION = { IoReadAccess: 0, IoWriteAccess: 1, IoModifyAccess: 2 } as const
export type LOCK_OPERATION = number

/** Of ExAllocatePool2. */
export const POOL_FLAG = {
  POOL_FLAG_UNINITIALIZED: 0x002,
  POOL_FLAG_RAISE_ON_FAILURE: 0x020,
  POOL_FLAG_NON_PAGED: 0x040,
  POOL_FLAG_PAGED: 0x100,
} as const

/** MDL-115 to MDL-121 */
export const MM_ALLOCATE = {
  MM_DONT_ZERO_ALLOCATION: 0x001,
  MM_ALLOCATE_FROM_LOCAL_NODE_ONLY: 0x002,
  MM_ALLOCATE_FULLY_REQUIRED: 0x004,
  MM_ALLOCATE_NO_WAIT: 0x008,
  MM_ALLOCATE_PREFER_CONTIGUOUS: 0x010,
  MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS: 0x020,
  MM_ALLOCATE_FAST_LARGE_PAGES: 0x040,
  MM_ALLOCATE_TRIM_IF_NECESSARY: 0x080,
  MM_ALLOCATE_AND_HOT_REMOVE: 0x100,
} as const

/** MDL-083 */
export const MM_PAGE_PRIORITY = {
  LowPagePriority: 0,
  NormalPagePriority: 16,
  HighPagePriority: 32,
  MdlMappingNoWrite: 0x8000_0000,
  MdlMappingNoExecute: 0x4000_0000,
} as const

/** What MmProtectMdlSystemAddress takes (MDL-130). */
export const PAGE_PROTECTION = {
  PAGE_NOACCESS: 0x01,
  PAGE_READONLY: 0x02,
  PAGE_READWRITE: 0x04,
  PAGE_EXECUTE: 0x10,
  PAGE_EXECUTE_READ: 0x20,
  PAGE_EXECUTE_READWRITE: 0x40,
} as const

/** IRQL on x64. */
export const KIRQL = { PASSIVE_LEVEL: 0, APC_LEVEL: 1, DISPATCH_LEVEL: 2, HIGH_LEVEL: 15 } as const
export type KIRQL = number

/** CM_PARTIAL_RESOURCE_DESCRIPTOR.Type */
export const CmResourceType = { CmResourceTypePort: 1, CmResourceTypeMemory: 3 } as const

/** CM_PARTIAL_RESOURCE_DESCRIPTOR.Flags of a memory range */
export const CM_RESOURCE_MEMORY = { CM_RESOURCE_MEMORY_READ_WRITE: 0, CM_RESOURCE_MEMORY_PREFETCHABLE: 0x0004 } as const

export const INTERFACE_TYPE = { PCIBus: 5 } as const

/** DMA-003 */
export const IO_ALLOCATION_ACTION = { KeepObject: 1, DeallocateObject: 2, DeallocateObjectKeepRegisters: 3 } as const
export type IO_ALLOCATION_ACTION = (typeof IO_ALLOCATION_ACTION)[keyof typeof IO_ALLOCATION_ACTION]

/** Flag of the Ex routines of DMA_OPERATIONS: what is not to be had at once is refused (DMA-029). */
export const DMA_SYNCHRONOUS_CALLBACK = 0x01

/** Bytes of a DMA transfer context, which the caller provides. */
export const DMA_TRANSFER_CONTEXT_SIZE_V1 = 128

/** Flag of AllocateCommonBufferWithBounds: the length is rounded to 512 pages (DMA-053). */
export const DOMAIN_COMMON_BUFFER_LARGE_PAGE = 0x1

/** An output parameter: the routine sets `value` on success and leaves it alone otherwise. */
export interface Out<T> {
  value?: T
}
