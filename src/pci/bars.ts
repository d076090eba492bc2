import { Command, ConfigOffset, HeaderType, headerType } from './config.ts'
import { readUnsigned } from './register.ts'

export interface BarAttributes {
  readonly kind: 'memory' | 'io'
  readonly addressBits: 32 | 64
  readonly prefetchable: boolean
}

export interface ConfigBar extends BarAttributes {
  readonly index: number
  /** 0 where nothing was assigned yet. */
  readonly address: bigint
  /** Bytes; absent where only the register was read, which doesn't tell. */
  readonly size: number | undefined
  /** The command register lets the function answer there. */
  readonly enabled: boolean
}

/**
 * What a kernel found when it probed the registers. It wins over them, because those of a virtual function read as zero
 * although it has BARs, and because a kernel's addresses are the CPU's.
 */
export interface ProbedBars {
  readonly bars: readonly ProbedBar[]
  /** Absent without an expansion ROM. */
  readonly rom?: ProbedRom | undefined
}

export interface ProbedRom {
  readonly start: bigint
  /** Bytes. */
  readonly size: number
}

export interface ProbedBar extends BarAttributes {
  readonly index: number
  readonly start: bigint
  readonly size: number
}

export interface ExpansionRom {
  readonly address: bigint
  readonly size: number | undefined
  readonly enabled: boolean
}

const BAR_COUNTS: Readonly<Record<number, number>> = {
  [HeaderType.endpoint]: 6,
  [HeaderType.bridge]: 2,
  [HeaderType.cardbus]: 1,
}
/** PCIe 7.5.1.2.4 and 7.5.1.3.12; a CardBus bridge has none. */
const ROM_OFFSETS: Readonly<Record<number, number>> = { [HeaderType.endpoint]: 0x30, [HeaderType.bridge]: 0x38 }

/** What the low bits of BAR register `index` say (PCI 6.2.5.1, PCIe 7.5.1.2.1). */
export function barAttributes(bytes: Uint8Array, index: number): BarAttributes {
  const low = barRegister(bytes, index)
  if ((low & 1) === 1) return { kind: 'io', addressBits: 32, prefetchable: false }
  return { kind: 'memory', addressBits: (low & 0x6) === 0x4 ? 64 : 32, prefetchable: (low & 0x8) !== 0 }
}

/** All BARs that exist: a register that is not zero, or a BAR that a kernel found. */
export function configBars(bytes: Uint8Array, probed?: ProbedBars): readonly ConfigBar[] {
  const count = BAR_COUNTS[headerType(bytes)] ?? 0
  const bars: ConfigBar[] = []
  for (let index = 0; index < count; index++) {
    const known = probed?.bars.find((one) => one.index === index)
    const { kind, addressBits, prefetchable } = known ?? barAttributes(bytes, index)
    const address = barAddress(bytes, index, addressBits === 64 && index + 1 < count)
    const virtual = address === 0n && known !== undefined && known.start !== 0n
    if (known !== undefined || address !== 0n || barRegister(bytes, index) !== 0) {
      const enabled = virtual || decodes(bytes, kind)
      const size = known?.size
      bars.push({ index, kind, addressBits, prefetchable, address: known?.start ?? address, size, enabled })
    }
    if (addressBits === 64) index++
  }
  return bars
}

/**
 * The expansion ROM, where the register is not zero or a kernel knows of it. Linux gives it an address, but leaves the
 * register alone while it is disabled (kernel: drivers/pci/setup-res.c).
 */
export function expansionRom(bytes: Uint8Array, probed?: ProbedBars): ExpansionRom | undefined {
  const offset = ROM_OFFSETS[headerType(bytes)]
  const value = offset === undefined ? undefined : readUnsigned(bytes, offset, 4)
  if (value === undefined || (value === 0 && probed?.rom === undefined)) return undefined
  // Bit 0 enables it, 31:11 are its address.
  const enabled = (value & 1) === 1 && decodes(bytes, 'memory')
  return { address: probed?.rom?.start ?? BigInt(value - (value % 0x800)), size: probed?.rom?.size, enabled }
}

function barAddress(bytes: Uint8Array, index: number, wide: boolean): bigint {
  const low = barRegister(bytes, index)
  const base = (low & 1) === 1 ? low - (low & 3) : low - (low & 0xf)
  const upper = wide ? barRegister(bytes, index + 1) : 0
  return (BigInt(upper) << 32n) | BigInt(base)
}

function decodes(bytes: Uint8Array, kind: BarAttributes['kind']): boolean {
  const command = readUnsigned(bytes, ConfigOffset.command, 2) ?? 0
  return (command & (kind === 'io' ? Command.ioSpace : Command.memorySpace)) !== 0
}

const barRegister = (bytes: Uint8Array, index: number): number =>
  readUnsigned(bytes, ConfigOffset.bar0 + index * 4, 4) ?? 0
