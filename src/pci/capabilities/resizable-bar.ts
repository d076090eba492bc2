import { type RegisterSpec, bitsOf, number, readUnsigned, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

/** No function has more BARs than this. */
const MOST = 6

/** Resizable BAR, extended id 0015 (PCIe 7.8.6): a pair of registers for each such BAR, counted in the first. */
export const resizableBar: CapabilityDecoder = ({ bytes }) => {
  const first = readUnsigned(bytes, 8, 4) ?? 0
  const count = Math.min(MOST, Math.max(1, bitsOf(first, 5, 3)))
  return { length: 4 + 8 * count, registers: Array.from({ length: count }, (_, index) => pair(index)).flat() }
}

const pair = (index: number): readonly RegisterSpec[] => [
  register(`ReBARCap${index}`, 4 + 8 * index, 4, 'PCIe 7.8.6.2', [
    number(4, 28, 'Supported', { value: (mask) => supported(mask, 0) }),
  ]),
  register(`ReBARCtl${index}`, 8 + 8 * index, 4, 'PCIe 7.8.6.3', [
    number(0, 3, 'BAR'),
    number(8, 6, 'Current', { value: size }),
    number(16, 16, 'SupportedAbove128TB', { value: (mask) => supported(mask, 28) }),
  ]),
]

/** Bit n stands for 2^(first + n) MiB. */
function supported(mask: number, first: number): string {
  const sizes = Array.from({ length: 28 }, (_, bit) => bit).filter((bit) => bitsOf(mask, bit, 1) === 1)
  return sizes.map((bit) => size(first + bit)).join(' ') || 'none'
}

const UNITS = ['MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB']

/** `256MB` for 8: 2^code MiB, below 2^64, in the letters that lspci has for it. */
const size = (code: number): string => `${2 ** (code % 10)}${UNITS[Math.floor(code / 10)] ?? ''}`
