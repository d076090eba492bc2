import { type Layout, u16, u32, u64, u8 } from './layout.ts'

/**
 * x86 layouts: tables only, for what a 32-bit driver would see; pointers and SIZE_T are 4 bytes. Sizes and offsets as
 * mingw-w64 10.0's DDK headers compile to (spec/abi-x86.json), DEVICE_DESCRIPTION and MM_PHYSICAL_ADDRESS_LIST by the rules of
 * C. Structures that have no pointers and no packing are the same as in x64.
 */

/** wdm.h. The PFN array of 4-byte numbers follows the header (MDL-002). */
export const MDL = {
  name: 'MDL',
  size: 28,
  align: 4,
  fields: {
    Next: u32(0),
    Size: u16(4),
    MdlFlags: u16(6),
    Process: u32(8),
    MappedSystemVa: u32(12),
    StartVa: u32(16),
    ByteCount: u32(20),
    ByteOffset: u32(24),
  },
} as const satisfies Layout

/** wdm.h; the 64-bit address keeps its 8-byte alignment, so 4 bytes are left at the end. */
export const MM_PHYSICAL_ADDRESS_LIST = {
  name: 'MM_PHYSICAL_ADDRESS_LIST',
  size: 16,
  align: 8,
  fields: { PhysicalAddress: u64(0), NumberOfBytes: u32(8) },
} as const satisfies Layout

/** wdm.h */
export const SCATTER_GATHER_ELEMENT = {
  name: 'SCATTER_GATHER_ELEMENT',
  size: 16,
  align: 8,
  fields: { Address: u64(0), Length: u32(8), Reserved: u32(12) },
} as const satisfies Layout

/** wdm.h: the header in front of the elements (DMA-002). */
export const SCATTER_GATHER_LIST = {
  name: 'SCATTER_GATHER_LIST',
  size: 8,
  align: 8,
  fields: { NumberOfElements: u32(0), Reserved: u32(4) },
} as const satisfies Layout

/** wdm.h, packed to 4 bytes; without the pointers that other members of the union have, it ends earlier than in x64. */
export const CM_PARTIAL_RESOURCE_DESCRIPTOR = {
  name: 'CM_PARTIAL_RESOURCE_DESCRIPTOR',
  size: 16,
  align: 4,
  fields: { Type: u8(0), ShareDisposition: u8(1), Flags: u16(2), 'u.Memory.Start': u64(4), 'u.Memory.Length': u32(12) },
} as const satisfies Layout

export const POINTER_SIZE = 4
