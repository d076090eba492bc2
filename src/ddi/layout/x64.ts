import { type Layout, u8, u16, u32, u64 } from './layout.ts'

/**
 * x64 layouts. Sizes and offsets as mingw-w64 10.0's DDK headers compile to (spec/abi-x64.json, which a test holds
 * against this table); DEVICE_DESCRIPTION from its reference page (rule DMA-001).
 */

/** wdm.h. The PFN array follows the header (MDL-001). */
export const MDL = {
  name: 'MDL',
  size: 48,
  align: 8,
  fields: {
    Next: u64(0),
    Size: u16(8),
    MdlFlags: u16(10),
    Process: u64(16),
    MappedSystemVa: u64(24),
    StartVa: u64(32),
    ByteCount: u32(40),
    ByteOffset: u32(44),
  },
} as const satisfies Layout

/** wdm.h; its size is that of a 64-bit address and a SIZE_T. */
export const MM_PHYSICAL_ADDRESS_LIST = {
  name: 'MM_PHYSICAL_ADDRESS_LIST',
  size: 16,
  align: 8,
  fields: { PhysicalAddress: u64(0), NumberOfBytes: u64(8) },
} as const satisfies Layout

/** wdm.h */
export const SCATTER_GATHER_ELEMENT = {
  name: 'SCATTER_GATHER_ELEMENT',
  size: 24,
  align: 8,
  fields: { Address: u64(0), Length: u32(8), Reserved: u64(16) },
} as const satisfies Layout

/** wdm.h: the header in front of the elements (DMA-002). */
export const SCATTER_GATHER_LIST = {
  name: 'SCATTER_GATHER_LIST',
  size: 16,
  align: 8,
  fields: { NumberOfElements: u32(0), Reserved: u64(8) },
} as const satisfies Layout

/** ks.h (KSM-001). */
export const KSMAPPING = {
  name: 'KSMAPPING',
  size: 16,
  align: 8,
  fields: { PhysicalAddress: u64(0), ByteCount: u32(8), Alignment: u32(12) },
} as const satisfies Layout

/** wdm.h, version 3; versions 1 and 2 end at byte 40. */
export const DEVICE_DESCRIPTION = {
  name: 'DEVICE_DESCRIPTION',
  size: 64,
  align: 8,
  fields: {
    Version: u32(0),
    Master: u8(4),
    ScatterGather: u8(5),
    DemandMode: u8(6),
    AutoInitialize: u8(7),
    Dma32BitAddresses: u8(8),
    IgnoreCount: u8(9),
    Reserved1: u8(10),
    Dma64BitAddresses: u8(11),
    BusNumber: u32(12),
    DmaChannel: u32(16),
    InterfaceType: u32(20),
    DmaWidth: u32(24),
    DmaSpeed: u32(28),
    MaximumLength: u32(32),
    DmaPort: u32(36),
    DmaAddressWidth: u32(40),
    DmaControllerInstance: u32(44),
    DmaRequestLine: u32(48),
    DeviceAddress: u64(56),
  },
} as const satisfies Layout

/** wdm.h, packed to 4 bytes: the 64-bit start is not naturally aligned (DXM-001). */
export const CM_PARTIAL_RESOURCE_DESCRIPTOR = {
  name: 'CM_PARTIAL_RESOURCE_DESCRIPTOR',
  size: 20,
  align: 4,
  fields: { Type: u8(0), ShareDisposition: u8(1), Flags: u16(2), 'u.Memory.Start': u64(4), 'u.Memory.Length': u32(12) },
} as const satisfies Layout

/** CM_RESOURCE_LIST with one full descriptor, up to its partial descriptors (DXM-011). */
export const CM_RESOURCE_LIST = {
  name: 'CM_RESOURCE_LIST',
  size: 20,
  align: 4,
  fields: {
    Count: u32(0),
    'List.InterfaceType': u32(4),
    'List.BusNumber': u32(8),
    'List.PartialResourceList.Version': u16(12),
    'List.PartialResourceList.Revision': u16(14),
    'List.PartialResourceList.Count': u32(16),
  },
} as const satisfies Layout

export const POINTER_SIZE = 8
