/** Constants of ks.h, by their names (KSM-004). */

/** KSPIN_DESCRIPTOR_EX.Flags, those that a queue goes by. */
export const KSPIN_FLAG = {
  KSPIN_FLAG_GENERATE_MAPPINGS: 0x0000_0100,
  KSPIN_FLAG_DISTINCT_TRAILING_EDGE: 0x0000_0200,
  KSPIN_FLAG_USE_STANDARD_TRANSPORT: 0x0004_0000,
  KSPIN_FLAG_DO_NOT_USE_STANDARD_TRANSPORT: 0x0008_0000,
} as const

export const KSSTREAM_POINTER_STATE = {
  KSSTREAM_POINTER_STATE_UNLOCKED: 0,
  KSSTREAM_POINTER_STATE_LOCKED: 1,
} as const
export type KSSTREAM_POINTER_STATE = (typeof KSSTREAM_POINTER_STATE)[keyof typeof KSSTREAM_POINTER_STATE]

/** IN: a sink, the driver takes what clients write. OUT: a source, the driver fills what clients read into. */
export const KSPIN_DATAFLOW = { KSPIN_DATAFLOW_IN: 1, KSPIN_DATAFLOW_OUT: 2 } as const
export type KSPIN_DATAFLOW = (typeof KSPIN_DATAFLOW)[keyof typeof KSPIN_DATAFLOW]
