import type { CapabilityDecoder } from './capability.ts'
import { accessControl } from './capabilities/access-control.ts'
import { addressTranslation, processAddressSpace } from './capabilities/address-translation.ts'
import { errorReporting } from './capabilities/error-reporting.ts'
import { express } from './capabilities/express.ts'
import { msiX } from './capabilities/msi-x.ts'
import { msi } from './capabilities/msi.ts'
import { powerManagement } from './capabilities/power-management.ts'
import { resizableBar } from './capabilities/resizable-bar.ts'
import { virtualization } from './capabilities/virtualization.ts'
import { bitsOf, readUnsigned } from './register.ts'

export interface CapabilityKind {
  readonly name: string
  /** Absent for a capability that is shown by its bytes only. */
  readonly decode?: CapabilityDecoder
}

/** Shown by its bytes; the length is known all the same. */
const opaque = (length: (bytes: Uint8Array) => number): CapabilityDecoder => {
  return ({ bytes }) => ({ length: length(bytes), registers: [] })
}
const fixed = (length: number): CapabilityDecoder => opaque(() => length)
/** A vendor-specific capability tells its length in its third byte (PCIe 7.9.4). */
const thirdByte = opaque((bytes) => bytes[2] ?? 0)
/** A vendor-specific extended capability tells its length in the upper bits of its second dword (PCIe 7.9.5, 7.9.6). */
const secondDword = opaque((bytes) => bitsOf(readUnsigned(bytes, 4, 4) ?? 0, 20, 12))

/** Ids of the PCI Code and ID Assignment Specification 1.11, section 2. */
const conventional: Readonly<Record<number, CapabilityKind>> = {
  0x00: { name: 'Null' },
  0x01: { name: 'Power Management', decode: powerManagement },
  0x02: { name: 'AGP' },
  0x03: { name: 'Vital Product Data', decode: fixed(8) },
  0x04: { name: 'Slot Identification', decode: fixed(4) },
  0x05: { name: 'MSI', decode: msi },
  0x06: { name: 'CompactPCI Hot Swap' },
  0x07: { name: 'PCI-X' },
  0x08: { name: 'HyperTransport' },
  0x09: { name: 'Vendor Specific', decode: thirdByte },
  0x0a: { name: 'Debug Port' },
  0x0b: { name: 'CompactPCI Resource Control' },
  0x0c: { name: 'PCI Hot-Plug' },
  0x0d: { name: 'Bridge Subsystem Id', decode: fixed(8) },
  0x0e: { name: 'AGP 8x' },
  0x0f: { name: 'Secure Device' },
  0x10: { name: 'PCI Express', decode: express },
  0x11: { name: 'MSI-X', decode: msiX },
  0x12: { name: 'SATA Data/Index' },
  0x13: { name: 'Advanced Features', decode: fixed(6) },
  0x14: { name: 'Enhanced Allocation' },
  0x15: { name: 'Flattening Portal Bridge' },
}

/** The same specification, section 3. */
const extended: Readonly<Record<number, CapabilityKind>> = {
  0x0000: { name: 'Null' },
  0x0001: { name: 'Advanced Error Reporting', decode: errorReporting },
  0x0002: { name: 'Virtual Channel' },
  0x0003: { name: 'Device Serial Number', decode: fixed(12) },
  0x0004: { name: 'Power Budgeting', decode: fixed(16) },
  0x0005: { name: 'Root Complex Link Declaration' },
  0x0006: { name: 'Root Complex Internal Link Control' },
  0x0007: { name: 'Root Complex Event Collector Association' },
  0x0008: { name: 'Multi-Function Virtual Channel' },
  0x0009: { name: 'Virtual Channel' },
  0x000a: { name: 'Root Complex Register Block' },
  0x000b: { name: 'Vendor Specific', decode: secondDword },
  0x000c: { name: 'Configuration Access Correlation' },
  0x000d: { name: 'Access Control Services', decode: accessControl },
  0x000e: { name: 'Alternative Routing-ID Interpretation', decode: fixed(8) },
  0x000f: { name: 'Address Translation Services', decode: addressTranslation },
  0x0010: { name: 'Single Root I/O Virtualization', decode: virtualization },
  0x0011: { name: 'Multi Root I/O Virtualization' },
  0x0012: { name: 'Multicast' },
  0x0013: { name: 'Page Request Interface', decode: fixed(16) },
  0x0014: { name: 'Reserved for AMD' },
  0x0015: { name: 'Resizable BAR', decode: resizableBar },
  0x0016: { name: 'Dynamic Power Allocation' },
  0x0017: { name: 'TPH Requester' },
  0x0018: { name: 'Latency Tolerance Reporting', decode: fixed(8) },
  0x0019: { name: 'Secondary PCI Express' },
  0x001a: { name: 'Protocol Multiplexing' },
  0x001b: { name: 'Process Address Space ID', decode: processAddressSpace },
  0x001c: { name: 'LN Requester', decode: fixed(8) },
  0x001d: { name: 'Downstream Port Containment' },
  0x001e: { name: 'L1 PM Substates' },
  0x001f: { name: 'Precision Time Measurement', decode: fixed(12) },
  0x0020: { name: 'PCI Express over M-PHY' },
  0x0021: { name: 'FRS Queueing' },
  0x0022: { name: 'Readiness Time Reporting' },
  0x0023: { name: 'Designated Vendor-Specific', decode: secondDword },
  0x0024: { name: 'VF Resizable BAR' },
  0x0025: { name: 'Data Link Feature', decode: fixed(12) },
  0x0026: { name: 'Physical Layer 16.0 GT/s' },
  0x0027: { name: 'Lane Margining at the Receiver' },
  0x0028: { name: 'Hierarchy ID' },
  0x0029: { name: 'Native PCIe Enclosure Management' },
  0x002a: { name: 'Physical Layer 32.0 GT/s' },
  0x002b: { name: 'Alternate Protocol' },
  0x002c: { name: 'System Firmware Intermediary' },
  0x002d: { name: 'Shadow Functions' },
  0x002e: { name: 'Data Object Exchange' },
  0x002f: { name: 'Device 3' },
  0x0030: { name: 'Integrity and Data Encryption' },
  0x0031: { name: 'Physical Layer 64.0 GT/s' },
  0x0032: { name: 'Flit Logging' },
  0x0033: { name: 'Flit Performance Measurement' },
  0x0034: { name: 'Flit Error Injection' },
}

export const EXPRESS_ID = 0x10
export const PCI_X_ID = 0x07

/** What an id stands for; one that nobody specified is named as unknown. */
export function capabilityKind(id: number, isExtended: boolean): CapabilityKind {
  return (
    (isExtended ? extended[id] : conventional[id]) ?? { name: `unknown (id 0x${id.toString(16).padStart(2, '0')})` }
  )
}
