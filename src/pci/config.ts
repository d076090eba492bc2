import { readUnsigned } from './register.ts'

/**
 * What config spaces of all header types have in common, as pure functions over bytes (PCI Local Bus Specification 3.0,
 * section 6.1, and PCI Express Base Specification 5.0, section 7.5.1; offsets in bytes).
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

/** Bits of the command register (section 6.2.2; PCIe 7.5.1.1.3). */
export const Command = { ioSpace: 0x1, memorySpace: 0x2, busMaster: 0x4, interruptDisable: 0x400 } as const

/** Bits of the status register (section 6.2.3; PCIe 7.5.1.1.4). */
export const Status = { capabilityList: 0x10 } as const

/** Bits 6:0 of the header type register (section 6.2.1; PCIe 7.5.1.1.9). */
export const HeaderType = { endpoint: 0, bridge: 1, cardbus: 2 } as const

/** Layout of the header; bit 7, several functions, is not part of it. */
export const headerType = (bytes: Uint8Array): number => (bytes[ConfigOffset.headerType] ?? 0xff) & 0x7f

export interface ConfigIds {
  readonly vendor: number
  readonly device: number
  /** 0 for a bridge, whose header has no place for it. */
  readonly subsystemVendor: number
  readonly subsystem: number
  readonly revision: number
  /** 24 bits: base class, subclass, programming interface. */
  readonly classCode: number
}

/** @param bytes of config space; what they don't reach is all ones, as on a bus */
export function configIds(bytes: Uint8Array): ConfigIds {
  const word = (offset: number): number => readUnsigned(bytes, offset, 2) ?? 0xffff
  const endpoint = headerType(bytes) === HeaderType.endpoint
  const revisionAndClass = readUnsigned(bytes, ConfigOffset.revision, 4) ?? 0xffff_ffff
  return {
    vendor: word(ConfigOffset.vendor),
    device: word(ConfigOffset.device),
    subsystemVendor: endpoint ? word(ConfigOffset.subsystemVendor) : 0,
    subsystem: endpoint ? word(ConfigOffset.subsystem) : 0,
    revision: revisionAndClass % 0x100,
    classCode: revisionAndClass >>> 8,
  }
}
