import { readUnsigned } from './register.ts'

/** A range that a bridge forwards downstream; both ends included. */
export interface BridgeWindow {
  readonly kind: 'io' | 'memory' | 'prefetchable'
  readonly addressBits: 16 | 32 | 64
  /** Absent when the bridge forwards none: its limit lies below its base. */
  readonly range?: { readonly base: bigint; readonly limit: bigint }
}

/** PCIe 7.5.1.3.6 and 7.5.1.3.8 to 7.5.1.3.11. @param bytes with a type 1 header */
export function bridgeWindows(bytes: Uint8Array): readonly BridgeWindow[] {
  const low = (offset: number): bigint => BigInt(readUnsigned(bytes, offset, 2) ?? 0)
  const wide = (offset: number): bigint => BigInt(readUnsigned(bytes, offset, 4) ?? 0)
  return [io(bytes, low), memory(low), prefetchable(low, wide)]
}

type Read = (offset: number) => bigint

/** Bits 7:4 of base and limit are address bits 15:12; bits 3:0 tell whether there are 32. */
function io(bytes: Uint8Array, low: Read): BridgeWindow {
  const [base, limit] = [BigInt(bytes[0x1c] ?? 0), BigInt(bytes[0x1d] ?? 0)]
  const is32 = (base & 0xfn) === 1n
  const [upperBase, upperLimit] = is32 ? [low(0x30), low(0x32)] : [0n, 0n]
  const from = (upperBase << 16n) | ((base & 0xf0n) << 8n)
  const to = (upperLimit << 16n) | ((limit & 0xf0n) << 8n) | 0xfffn
  return { kind: 'io', addressBits: is32 ? 32 : 16, ...range(from, to) }
}

/** Bits 15:4 are address bits 31:20. */
function memory(low: Read): BridgeWindow {
  return { kind: 'memory', addressBits: 32, ...range(from20(low(0x20), 0n), to20(low(0x22), 0n)) }
}

function prefetchable(low: Read, wide: Read): BridgeWindow {
  const [base, limit] = [low(0x24), low(0x26)]
  const is64 = (base & 0xfn) === 1n
  const [upperBase, upperLimit] = is64 ? [wide(0x28), wide(0x2c)] : [0n, 0n]
  return {
    kind: 'prefetchable',
    addressBits: is64 ? 64 : 32,
    ...range(from20(base, upperBase), to20(limit, upperLimit)),
  }
}

const from20 = (register: bigint, upper: bigint): bigint => (upper << 32n) | ((register & 0xfff0n) << 16n)
const to20 = (register: bigint, upper: bigint): bigint => from20(register, upper) | 0xf_ffffn

const range = (base: bigint, limit: bigint): Pick<BridgeWindow, 'range'> =>
  limit < base ? {} : { range: { base, limit } }
