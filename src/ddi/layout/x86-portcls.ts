import { type Layout, u32, u64 } from './layout.ts'

/** x86 layouts of those audio structures that have pointers; the others are the same as in x64. */

/** ksmedia.h */
export const KSRTAUDIO_HWREGISTER = {
  name: 'KSRTAUDIO_HWREGISTER',
  size: 32,
  align: 8,
  fields: { Register: u32(0), Width: u32(4), Numerator: u64(8), Denominator: u64(16), Accuracy: u32(24) },
} as const satisfies Layout

/** ksmedia.h */
export const KSRTAUDIO_BUFFER = {
  name: 'KSRTAUDIO_BUFFER',
  size: 12,
  align: 4,
  fields: { BufferAddress: u32(0), ActualBufferSize: u32(4), CallMemoryBarrier: u32(8) },
} as const satisfies Layout
