import { type Layout, u32, u64 } from './layout.ts'

/** x86 layouts of ks.h: tables only (spec/abi-x86.json). */

/** The same as in x64 (KSM-001). */
export const KSMAPPING = {
  name: 'KSMAPPING',
  size: 16,
  align: 8,
  fields: { PhysicalAddress: u64(0), ByteCount: u32(8), Alignment: u32(12) },
} as const satisfies Layout

/** A member without text keeps Count where it is in x64 (KSM-002, ERR-12). */
export const KSSTREAM_POINTER_OFFSET = {
  name: 'KSSTREAM_POINTER_OFFSET',
  size: 16,
  align: 4,
  fields: { Data: u32(0), Mappings: u32(0), Alignment: u32(4), Count: u32(8), Remaining: u32(12) },
} as const satisfies Layout

/** Four pointers and two positions (KSM-003). */
export const KSSTREAM_POINTER = {
  name: 'KSSTREAM_POINTER',
  size: 48,
  align: 4,
  fields: {
    Context: u32(0),
    Pin: u32(4),
    StreamHeader: u32(8),
    Offset: u32(12),
    'OffsetIn.Data': u32(16),
    'OffsetIn.Mappings': u32(16),
    'OffsetIn.Alignment': u32(20),
    'OffsetIn.Count': u32(24),
    'OffsetIn.Remaining': u32(28),
    'OffsetOut.Data': u32(32),
    'OffsetOut.Mappings': u32(32),
    'OffsetOut.Alignment': u32(36),
    'OffsetOut.Count': u32(40),
    'OffsetOut.Remaining': u32(44),
  },
} as const satisfies Layout

/** Without the member Reserved (KSM-003). */
export const KSSTREAM_HEADER = {
  name: 'KSSTREAM_HEADER',
  size: 48,
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
    Data: u32(40),
    OptionsFlags: u32(44),
  },
} as const satisfies Layout
