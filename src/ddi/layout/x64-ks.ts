import { type Layout, u32, u64 } from './layout.ts'

/**
 * x64 layouts of ks.h. Sizes and offsets as mingw-w64 10.0's headers compile to (spec/abi-x64.json, which a test holds
 * against this table).
 */

/** One contiguous piece of a frame, as a device sees it (KSM-001). */
export const KSMAPPING = {
  name: 'KSMAPPING',
  size: 16,
  align: 8,
  fields: { PhysicalAddress: u64(0), ByteCount: u32(8), Alignment: u32(12) },
} as const satisfies Layout

/** A position inside a frame: Data and Mappings share their place (KSM-002). */
export const KSSTREAM_POINTER_OFFSET = {
  name: 'KSSTREAM_POINTER_OFFSET',
  size: 16,
  align: 8,
  fields: { Data: u64(0), Mappings: u64(0), Count: u32(8), Remaining: u32(12) },
} as const satisfies Layout

/** A cursor on a pin's queue; Offset points at one of the two positions behind it (KSM-003, KSM-036). */
export const KSSTREAM_POINTER = {
  name: 'KSSTREAM_POINTER',
  size: 64,
  align: 8,
  fields: {
    Context: u64(0),
    Pin: u64(8),
    StreamHeader: u64(16),
    Offset: u64(24),
    'OffsetIn.Data': u64(32),
    'OffsetIn.Mappings': u64(32),
    'OffsetIn.Count': u32(40),
    'OffsetIn.Remaining': u32(44),
    'OffsetOut.Data': u64(48),
    'OffsetOut.Mappings': u64(48),
    'OffsetOut.Count': u32(56),
    'OffsetOut.Remaining': u32(60),
  },
} as const satisfies Layout

/** What a client says of a frame, and gets to know of it (KSM-003). */
export const KSSTREAM_HEADER = {
  name: 'KSSTREAM_HEADER',
  size: 56,
  align: 8,
  fields: {
    Size: u32(0),
    TypeSpecificFlags: u32(4),
    'PresentationTime.Time': u64(8),
    'PresentationTime.Numerator': u32(16),
    'PresentationTime.Denominator': u32(20),
    Duration: u64(24),
    FrameExtent: u32(32),
    DataUsed: u32(36),
    Data: u64(40),
    OptionsFlags: u32(48),
    Reserved: u32(52),
  },
} as const satisfies Layout
