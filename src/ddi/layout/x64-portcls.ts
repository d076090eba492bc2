import { type Layout, u16, u32, u64 } from './layout.ts'

/**
 * x64 layouts of audio structures (WRT-001), by their reference pages and the rules of C: the headers that spec/abi-x64.json
 * was compiled from do not declare those of WaveRT.
 */

/** ksmedia.h: a register that a client reads by itself (WRT-038). */
export const KSRTAUDIO_HWREGISTER = {
  name: 'KSRTAUDIO_HWREGISTER',
  size: 40,
  align: 8,
  fields: { Register: u64(0), Width: u32(8), Numerator: u64(16), Denominator: u64(24), Accuracy: u32(32) },
} as const satisfies Layout

/** ksmedia.h: FifoSize in bytes, the delays in units of 100 ns (WRT-041). */
export const KSRTAUDIO_HWLATENCY = {
  name: 'KSRTAUDIO_HWLATENCY',
  size: 12,
  align: 4,
  fields: { FifoSize: u32(0), ChipsetDelay: u32(4), CodecDelay: u32(8) },
} as const satisfies Layout

/** ksmedia.h: the buffer as a client sees it (WRT-033). */
export const KSRTAUDIO_BUFFER = {
  name: 'KSRTAUDIO_BUFFER',
  size: 16,
  align: 8,
  fields: { BufferAddress: u64(0), ActualBufferSize: u32(8), CallMemoryBarrier: u32(12) },
} as const satisfies Layout

/** ksmedia.h: offsets in bytes from the buffer's start (WRT-036). */
export const KSAUDIO_POSITION = {
  name: 'KSAUDIO_POSITION',
  size: 16,
  align: 8,
  fields: { PlayOffset: u64(0), WriteOffset: u64(8) },
} as const satisfies Layout

/** ks.h. A WAVEFORMATEX follows where Specifier says so; the GUIDs are 16 bytes each, member by member. */
export const KSDATAFORMAT = {
  name: 'KSDATAFORMAT',
  size: 64,
  align: 8,
  fields: {
    FormatSize: u32(0),
    Flags: u32(4),
    SampleSize: u32(8),
    Reserved: u32(12),
    'MajorFormat.Data1': u32(16),
    'MajorFormat.Data2': u16(20),
    'MajorFormat.Data3': u16(22),
    'MajorFormat.Data4': u64(24),
    'SubFormat.Data1': u32(32),
    'SubFormat.Data2': u16(36),
    'SubFormat.Data3': u16(38),
    'SubFormat.Data4': u64(40),
    'Specifier.Data1': u32(48),
    'Specifier.Data2': u16(52),
    'Specifier.Data3': u16(54),
    'Specifier.Data4': u64(56),
  },
} as const satisfies Layout

/** mmreg.h, packed to 1 byte. */
export const WAVEFORMATEX = {
  name: 'WAVEFORMATEX',
  size: 18,
  align: 1,
  fields: {
    wFormatTag: u16(0),
    nChannels: u16(2),
    nSamplesPerSec: u32(4),
    nAvgBytesPerSec: u32(8),
    nBlockAlign: u16(12),
    wBitsPerSample: u16(14),
    cbSize: u16(16),
  },
} as const satisfies Layout
