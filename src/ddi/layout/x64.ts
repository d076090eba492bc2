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

/** wdm.h. Version is 1 for every version (DMA-011). */
export const DMA_ADAPTER = {
  name: 'DMA_ADAPTER',
  size: 16,
  align: 8,
  fields: { Version: u16(0), Size: u16(2), DmaOperations: u64(8) },
} as const satisfies Layout

/** wdm.h, version 3; version 1 ends at byte 104, version 2 at byte 128 (DMA-001). */
export const DMA_OPERATIONS = {
  name: 'DMA_OPERATIONS',
  size: 320,
  align: 8,
  fields: {
    Size: u32(0),
    PutDmaAdapter: u64(8),
    AllocateCommonBuffer: u64(16),
    FreeCommonBuffer: u64(24),
    AllocateAdapterChannel: u64(32),
    FlushAdapterBuffers: u64(40),
    FreeAdapterChannel: u64(48),
    FreeMapRegisters: u64(56),
    MapTransfer: u64(64),
    GetDmaAlignment: u64(72),
    ReadDmaCounter: u64(80),
    GetScatterGatherList: u64(88),
    PutScatterGatherList: u64(96),
    CalculateScatterGatherList: u64(104),
    BuildScatterGatherList: u64(112),
    BuildMdlFromScatterGatherList: u64(120),
    GetDmaAdapterInfo: u64(128),
    GetDmaTransferInfo: u64(136),
    InitializeDmaTransferContext: u64(144),
    AllocateCommonBufferEx: u64(152),
    AllocateAdapterChannelEx: u64(160),
    ConfigureAdapterChannel: u64(168),
    CancelAdapterChannel: u64(176),
    MapTransferEx: u64(184),
    GetScatterGatherListEx: u64(192),
    BuildScatterGatherListEx: u64(200),
    FlushAdapterBuffersEx: u64(208),
    FreeAdapterObject: u64(216),
    CancelMappedTransfer: u64(224),
    AllocateDomainCommonBuffer: u64(232),
    FlushDmaBuffer: u64(240),
    JoinDmaDomain: u64(248),
    LeaveDmaDomain: u64(256),
    GetDmaDomain: u64(264),
    AllocateCommonBufferWithBounds: u64(272),
    AllocateCommonBufferVector: u64(280),
    GetCommonBufferFromVectorByIndex: u64(288),
    FreeCommonBufferFromVector: u64(296),
    FreeCommonBufferVector: u64(304),
    CreateCommonBufferFromMdl: u64(312),
  },
} as const satisfies Layout

/** wdm.h, version 1. */
export const DMA_ADAPTER_INFO = {
  name: 'DMA_ADAPTER_INFO',
  size: 24,
  align: 4,
  fields: {
    Version: u32(0),
    ReadDmaCounterAvailable: u32(4),
    ScatterGatherLimit: u32(8),
    DmaAddressWidth: u32(12),
    Flags: u32(16),
    MinimumTransferUnit: u32(20),
  },
} as const satisfies Layout

/** wdm.h, version 1. */
export const DMA_TRANSFER_INFO = {
  name: 'DMA_TRANSFER_INFO',
  size: 16,
  align: 4,
  fields: {
    Version: u32(0),
    MapRegisterCount: u32(4),
    ScatterGatherElementCount: u32(8),
    ScatterGatherListSize: u32(12),
  },
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
