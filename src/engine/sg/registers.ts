/** sg's registers, after its page (docs/devices/sg.md). Offsets in BAR 0 in bytes. */
export const GlobalRegister = { channels: 0x010, clockFrequency: 0x028, clock: 0x030 } as const

/** Offsets in a channel's page. */
export const ChannelRegister = {
  control: 0x00,
  status: 0x04,
  interruptStatus: 0x08,
  interruptEnable: 0x0c,
  ringBase: 0x10,
  ringSize: 0x18,
  tail: 0x1c,
  head: 0x20,
  raise: 0x24,
  errorAddress: 0x28,
  errorCode: 0x30,
  rate: 0x34,
  unit: 0x38,
  position: 0x3c,
  received: 0x48,
  tapStart: 0x50,
  tapSize: 0x54,
} as const

export const channelPage = (channel: number): number => 0x1000 * (1 + channel)

export const Control = { run: 0x01, cyclic: 0x02, input: 0x04, abort: 0x10, reset: 0x20 } as const
export const Status = { busy: 0x01, halted: 0x04 } as const
export const Cause = { done: 0x01, notify: 0x08, raised: 0x10 } as const

export const ErrorCode = { none: 0, dataRefused: 2 } as const
/** By code, for messages. */
export const errorNames: Readonly<Record<number, string>> = {
  1: 'it could not fetch a descriptor: is bus mastering on?',
  2: 'an access was refused',
  3: 'it could not write a status',
  4: 'it takes no such descriptor',
  5: 'a segment leaves its memory',
  6: 'a segment is beyond its address bits',
  7: 'the ring cannot be used',
}

export const DESCRIPTOR_SIZE = 32
export const DescriptorFlag = { toMemory: 0x1, notify: 0x2 } as const
export const MAX_RING = 256
/** Bytes of one descriptor of a list. */
export const MAX_TRANSFER = 0x4000
export const REGISTERS_BAR = 0
export const MEMORY_BAR = 2

/** The engine's use of the four channels: lists on the first ones, streams on the others. */
export const LIST_CHANNELS = [0, 1] as const
export const STREAM_CHANNELS = [2, 3] as const
