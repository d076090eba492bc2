import { hex } from '../../base/hex.ts'
import type { Capability } from '../../pci/decode-capabilities.ts'
import type { DecodedRegister, FieldValue } from '../../pci/register.ts'
import type { InspectedDevice } from '../../session/machine/inspect.ts'

/** All that was decoded; ids, offsets, addresses and register values are lowercase `0x` strings, sizes are bytes. */
export function asJson({ name, source, ids, names, config, bytes, size, found }: InspectedDevice): object {
  return {
    device: name,
    source,
    vendor: hex(ids.vendor, 4),
    deviceId: hex(ids.device, 4),
    subsystemVendor: hex(ids.subsystemVendor, 4),
    subsystem: hex(ids.subsystem, 4),
    revision: hex(ids.revision, 2),
    class: hex(ids.classCode, 6),
    names,
    driver: found?.driver,
    group: found?.iommuGroup,
    groupMembers: found?.groupMembers,
    numaNode: found?.numaNode,
    irq: found?.irq,
    configSpace: { bytes: bytes.length, size, truncated: size === undefined ? undefined : bytes.length < size },
    header: config.header,
    registers: config.registers.map(registerJson),
    bars: config.bars.map(({ address, ...bar }) => ({ ...bar, address: hex(address) })),
    rom: config.rom === undefined ? undefined : { ...config.rom, address: hex(config.rom.address) },
    windows: config.windows.map(({ range, ...window }) => {
      return range === undefined ? window : { ...window, base: hex(range.base), limit: hex(range.limit) }
    }),
    capabilities: config.capabilities.map(capabilityJson),
    problems: config.problems.map(({ kind, offset, text }) => ({ kind, offset: hex(offset, 2), text })),
  }
}

function capabilityJson({ offset, id, extended, version, name, length, registers, bytes }: Capability): object {
  const place = { name, offset: hex(offset, 2), id: hex(id, extended ? 4 : 2), extended, version, length }
  return { ...place, registers: registers.map(registerJson), bytes: Buffer.from(bytes).toString('hex') }
}

function registerJson({ name, offset, width, value, section, fields }: DecodedRegister): object {
  const values: Record<string, FieldValue> = {}
  for (const field of fields) values[field.label] = field.value
  return { name, offset: hex(offset, 2), value: hex(value, width * 2), section, fields: values }
}
