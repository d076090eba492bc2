import { bitsOf, choice, flag, number, readUnsigned, register } from '../register.ts'
import type { CapabilityDecoder, PortType } from '../capability.ts'
import { deviceRegisters, deviceRegisters2 } from './express-device.ts'
import { linkRegisters, linkRegisters2 } from './express-link.ts'
import { rootRegisters, slotRegisters } from './express-port.ts'

/** Device and port types (PCIe 7.5.3.2). */
export const Port = {
  endpoint: 0,
  legacyEndpoint: 1,
  root: 4,
  upstream: 5,
  downstream: 6,
  toPci: 7,
  fromPci: 8,
  integratedEndpoint: 9,
  eventCollector: 10,
} as const

const PORT_NAMES: Readonly<Record<PortType, string>> = {
  [Port.endpoint]: 'Endpoint',
  [Port.legacyEndpoint]: 'Legacy Endpoint',
  [Port.root]: 'Root Port',
  [Port.upstream]: 'Upstream Port',
  [Port.downstream]: 'Downstream Port',
  [Port.toPci]: 'PCI-Express to PCI/PCI-X Bridge',
  [Port.fromPci]: 'PCI/PCI-X to PCI-Express Bridge',
  [Port.integratedEndpoint]: 'Root Complex Integrated Endpoint',
  [Port.eventCollector]: 'Root Complex Event Collector',
}

const capabilities = register('ExpCap', 2, 2, 'PCIe 7.5.3.2', [
  number(0, 4, 'Version'),
  choice(4, 4, 'Type', PORT_NAMES),
  flag(8, 'Slot'),
  number(9, 5, 'MSI'),
])

const SLOT = 0x100
/** Ports that look away from the root complex, where a slot can be (PCIe 7.5.3.2). */
const DOWNSTREAM: readonly PortType[] = [Port.root, Port.downstream, Port.fromPci]

/** @param bytes of a PCI Express capability, from its id on */
export function portType(bytes: Uint8Array): PortType | undefined {
  const value = readUnsigned(bytes, 2, 2)
  return value === undefined ? undefined : bitsOf(value, 4, 4)
}

/** PCI Express, id 10 (PCIe 7.5.3). Which registers there are depends on version, type and slot. */
export const express: CapabilityDecoder = ({ bytes }) => {
  const value = readUnsigned(bytes, 2, 2) ?? 0
  const [version, type] = [bitsOf(value, 0, 4), bitsOf(value, 4, 4)]
  const onBus = type !== Port.integratedEndpoint && type !== Port.eventCollector
  const downstream = DOWNSTREAM.includes(type)
  const slot = downstream && (value & SLOT) !== 0
  const root = type === Port.root || type === Port.eventCollector
  return {
    length: lengthOf(version, { onBus, slot, root }),
    registers: [
      capabilities,
      ...deviceRegisters(type),
      ...(onBus ? linkRegisters(bytes, downstream) : []),
      ...(slot ? slotRegisters : []),
      ...(root ? rootRegisters : []),
      ...(version >= 2 ? deviceRegisters2 : []),
      ...(version >= 2 && onBus ? linkRegisters2 : []),
    ],
  }
}

interface Parts {
  readonly onBus: boolean
  readonly slot: boolean
  readonly root: boolean
}

/** Version 1 ends behind the last register that the function has; version 2 has room for all (PCIe figure 7-22). */
function lengthOf(version: number, { onBus, slot, root }: Parts): number {
  if (version >= 2) return onBus ? 0x34 : 0x2c
  if (root) return 0x24
  if (slot) return 0x1c
  return onBus ? 0x14 : 0x0c
}
