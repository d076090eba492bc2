import type { ModelBar, ModelShape } from './model.ts'

/** Offsets of the header (PCI Local Bus 3.0, 6.1). */
export const ConfigOffset = {
  vendor: 0x00,
  device: 0x02,
  command: 0x04,
  status: 0x06,
  revision: 0x08,
  cacheLineSize: 0x0c,
  bar0: 0x10,
  subsystemVendor: 0x2c,
  subsystem: 0x2e,
  capabilities: 0x34,
  interruptLine: 0x3c,
  interruptPin: 0x3d,
} as const

/** Where the models have their capabilities, those that they have. */
export const CapabilityPlace = { msi: 0x40, msix: 0x50, advancedFeatures: 0x60 } as const
const CapabilityId = { msi: 0x05, msix: 0x11, advancedFeatures: 0x13 } as const
type Capability = keyof typeof CapabilityPlace

/** Width in bytes, offset and value. */
export type Field = readonly [1 | 2 | 4, number, number]

/** As a platform hands the function over: memory decode on, bus mastering left to the user. */
const COMMAND_AT_START = 0x0002
const HAS_CAPABILITIES = 0x0010
/** Bits of MSI's message control (PCI Local Bus 3.0, 6.8.1.3): log2 of the vectors, 64-bit address. */
const MSI_CAPABLE_SHIFT = 1
const MSI_WIDE = 0x0080
/** Advanced Features (PCI-SIG ECN of 2006): length in bytes, and what it is capable of, transactions pending and a reset. */
const AF_LENGTH = 6
const AF_TRANSACTIONS_PENDING = 0x01
const AF_RESET = 0x02

/** All of config space that is not 0. */
export function headerFields(shape: ModelShape): readonly Field[] {
  const capabilities = capabilitiesOf(shape)
  const [first] = capabilities
  return [
    [2, ConfigOffset.vendor, shape.vendor],
    [2, ConfigOffset.device, shape.device],
    [2, ConfigOffset.command, COMMAND_AT_START],
    [2, ConfigOffset.status, first === undefined ? 0 : HAS_CAPABILITIES],
    [4, ConfigOffset.revision, shape.classCode * 2 ** 8 + shape.revision],
    ...shape.bars.flatMap(barFields),
    [2, ConfigOffset.subsystemVendor, shape.subsystemVendor],
    [2, ConfigOffset.subsystem, shape.subsystem],
    [1, ConfigOffset.capabilities, first === undefined ? 0 : CapabilityPlace[first]],
    [1, ConfigOffset.interruptPin, shape.vectors.intx],
    ...capabilities.flatMap((capability, index): readonly Field[] => {
      const next = capabilities[index + 1]
      const at = CapabilityPlace[capability]
      return [
        [1, at, CapabilityId[capability]],
        [1, at + 1, next === undefined ? 0 : CapabilityPlace[next]],
        ...capabilityFields(capability, at, shape),
      ]
    }),
  ]
}

/** Bits that a user can write; what tells of interrupts belongs to the platform, which shows it only. */
export function writableFields({ bars }: ModelShape): readonly Field[] {
  return [
    [2, ConfigOffset.command, 0x0507],
    [1, ConfigOffset.cacheLineSize, 0xff],
    [1, ConfigOffset.interruptLine, 0xff],
    ...bars.flatMap(({ index, size, addressBits }): readonly Field[] => [
      [4, barOffset(index), ~(size - 1) >>> 0],
      ...(addressBits === 64 ? ([[4, barOffset(index + 1), 0xffff_ffff]] as const) : []),
    ]),
  ]
}

const barOffset = (index: number): number => ConfigOffset.bar0 + 4 * index

/** Bits 3 and 2:1 of a memory BAR: prefetchable, and 2 for 64 bits (PCI Local Bus 3.0, 6.2.5.1). */
function barFields({ index, start, addressBits, prefetchable }: ModelBar): readonly Field[] {
  const bits = (prefetchable ? 0x8 : 0) | (addressBits === 64 ? 0x4 : 0)
  const low: Field = [4, barOffset(index), Number(start & 0xffff_ffffn) + bits]
  return addressBits === 64 ? [low, [4, barOffset(index + 1), Number(start >> 32n)]] : [low]
}

function capabilitiesOf({ vectors, functionReset }: ModelShape): readonly Capability[] {
  const there: Readonly<Record<Capability, boolean>> = {
    msi: vectors.msi > 0,
    msix: vectors.msix > 0,
    advancedFeatures: functionReset,
  }
  return (Object.keys(CapabilityPlace) as Capability[]).filter((capability) => there[capability])
}

function capabilityFields(capability: Capability, at: number, { vectors, msix }: ModelShape): readonly Field[] {
  switch (capability) {
    case 'msi':
      return [[2, at + 2, MSI_WIDE | (Math.log2(vectors.msi) << MSI_CAPABLE_SHIFT)]]
    case 'msix': {
      const { bar, table, pending } = msix ?? { bar: 0, table: 0, pending: 0 }
      return [
        [2, at + 2, vectors.msix - 1],
        [4, at + 4, table | bar],
        [4, at + 8, pending | bar],
      ]
    }
    case 'advancedFeatures':
      return [
        [1, at + 2, AF_LENGTH],
        [1, at + 3, AF_TRANSACTIONS_PENDING | AF_RESET],
      ]
  }
}
