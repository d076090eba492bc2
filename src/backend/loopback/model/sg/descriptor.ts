/** Bytes of a descriptor in the ring. */
export const DESCRIPTOR_SIZE = 32
/** Where in it the device writes how it ended: status and bytes moved, 4 bytes each. */
export const STATUS_OFFSET = 24

export const DescriptorFlag = { toMemory: 0x1, notify: 0x2 } as const
const KNOWN_FLAGS = DescriptorFlag.toMemory | DescriptorFlag.notify

/** How a descriptor ended; beside `error` the error code stands above bit 8. */
export const DescriptorStatus = { done: 1, error: 2, aborted: 3 } as const

export interface Descriptor {
  readonly bus: bigint
  /** Bytes. */
  readonly length: number
  /** From device memory to the bus; the other way round otherwise. Lists only. */
  readonly toMemory: boolean
  /** Its end interrupts. */
  readonly notify: boolean
  readonly deviceAddress: bigint
  /** No bit is set that means nothing. */
  readonly known: boolean
}

export function parseDescriptor(bytes: Uint8Array): Descriptor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const flags = view.getUint32(12, true)
  return {
    bus: view.getBigUint64(0, true),
    length: view.getUint32(8, true),
    toMemory: (flags & DescriptorFlag.toMemory) !== 0,
    notify: (flags & DescriptorFlag.notify) !== 0,
    deviceAddress: view.getBigUint64(16, true),
    known: (flags & ~KNOWN_FLAGS) === 0,
  }
}

export function statusBytes(status: number, moved: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint32(0, status, true)
  view.setUint32(4, moved, true)
  return new Uint8Array(view.buffer)
}
