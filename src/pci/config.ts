/**
 * The type 0 header of PCI config space as pure functions over its bytes (PCI Local Bus Specification 3.0, section
 * 6.1; offsets in bytes).
 */
export const ConfigOffset = {
  vendor: 0x00,
  device: 0x02,
  command: 0x04,
  status: 0x06,
  revision: 0x08,
  headerType: 0x0e,
  bar0: 0x10,
  subsystemVendor: 0x2c,
  subsystem: 0x2e,
  capabilities: 0x34,
} as const

/** Bits of the command register (section 6.2.2). */
export const Command = { ioSpace: 0x1, memorySpace: 0x2, busMaster: 0x4, interruptDisable: 0x400 } as const

export interface ConfigIds {
  readonly vendor: number
  readonly device: number
  readonly subsystemVendor: number
  readonly subsystem: number
  readonly revision: number
  readonly classCode: number
}

/** @param bytes at least the first 64 bytes of config space */
export function configIds(bytes: Uint8Array): ConfigIds {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    vendor: data.getUint16(ConfigOffset.vendor, true),
    device: data.getUint16(ConfigOffset.device, true),
    subsystemVendor: data.getUint16(ConfigOffset.subsystemVendor, true),
    subsystem: data.getUint16(ConfigOffset.subsystem, true),
    revision: data.getUint8(ConfigOffset.revision),
    classCode: data.getUint32(ConfigOffset.revision, true) >>> 8,
  }
}

export interface BarAttributes {
  readonly kind: 'memory' | 'io'
  readonly addressBits: 32 | 64
  readonly prefetchable: boolean
}

/** What the low bits of BAR register `index` say (section 6.2.5.1). */
export function barAttributes(bytes: Uint8Array, index: number): BarAttributes {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const low = data.getUint32(ConfigOffset.bar0 + index * 4, true)
  if ((low & 1) === 1) return { kind: 'io', addressBits: 32, prefetchable: false }
  return { kind: 'memory', addressBits: (low & 0x6) === 0x4 ? 64 : 32, prefetchable: (low & 0x8) !== 0 }
}
