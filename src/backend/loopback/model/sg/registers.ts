/**
 * The registers of sg, a device of Probar's own: docs/devices/sg.md is its specification, and says what each one does.
 * Offsets in BAR 0 in bytes. All have 4 bytes but those that are marked with 8.
 */
export const GlobalRegister = {
  identification: 0x000,
  inverse: 0x004,
  /** 8 bytes. */
  scratch: 0x008,
  channels: 0x010,
  addressBits: 0x014,
  maxRing: 0x018,
  maxTransfer: 0x01c,
  memorySize: 0x020,
  alignment: 0x024,
  clockFrequency: 0x028,
  /** 8 bytes. */
  clock: 0x030,
  raise: 0x038,
  haltStatus: 0x03c,
} as const

/** Each channel has a page of its own; offsets from its start. */
export const ChannelRegister = {
  control: 0x00,
  status: 0x04,
  interruptStatus: 0x08,
  interruptEnable: 0x0c,
  /** 8 bytes. */
  ringBase: 0x10,
  ringSize: 0x18,
  tail: 0x1c,
  head: 0x20,
  raise: 0x24,
  /** 8 bytes. */
  errorAddress: 0x28,
  errorCode: 0x30,
  rate: 0x34,
  unit: 0x38,
  position: 0x3c,
  /** 8 bytes each. */
  total: 0x40,
  received: 0x48,
  tapStart: 0x50,
  tapSize: 0x54,
  notifications: 0x58,
  /** 8 bytes each. */
  reads: 0x60,
  writes: 0x68,
  readBytes: 0x70,
  writtenBytes: 0x78,
} as const

export const CHANNELS = 4
export const channelPage = (channel: number): number => 0x1000 * (1 + channel)

export const Control = { run: 0x01, cyclic: 0x02, input: 0x04, abort: 0x10, reset: 0x20 } as const
/** What of the control register keeps its value. */
export const CONTROL_KEPT = Control.run | Control.cyclic | Control.input

export const Status = { busy: 0x01, halted: 0x04, aborted: 0x08, error: 0x10 } as const

/** Why a channel interrupts: bits of its interrupt status and enable registers. */
export const Cause = { done: 0x01, error: 0x02, aborted: 0x04, notify: 0x08, raised: 0x10 } as const

/** In the error code register, and in a descriptor's status above bit 8. */
export const ErrorCode = {
  none: 0,
  fetchRefused: 1,
  dataRefused: 2,
  statusRefused: 3,
  badDescriptor: 4,
  badDeviceAddress: 5,
  badBusAddress: 6,
  badSetup: 7,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

export const IDENTIFICATION = 0x5347_0100
export const MAX_RING = 256
export const MAX_TRANSFER = 0x4000
export const MEMORY_SIZE = 0x4_0000
/** Bytes of device memory that belong to each channel's tap. */
export const TAP_SIZE = MEMORY_SIZE / CHANNELS
/** Ticks a second of the clock register. */
export const CLOCK_FREQUENCY = 24_000_000

/** The vector behind those of the channels. */
export const GENERAL_VECTOR = CHANNELS
export const BAR0_SIZE = 0x1_0000
export const MSIX_TABLE = 0x8000
export const MSIX_PENDING = 0x9000
