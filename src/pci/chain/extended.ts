import { bitsOf, readUnsigned } from '../register.ts'
import { type Chain, type Stop, follow, place } from './chain.ts'

/** Extended capabilities begin where conventional config space ends (PCIe 7.6.1). */
export const EXTENDED_START = 0x100

const NONE: Chain = { links: [], problems: [] }

/**
 * The capabilities of a PCI Express function behind the first 256 bytes.
 * @param bytes of config space, as many as there are; no problem when they end before it
 */
export function walkExtendedCapabilities(bytes: Uint8Array): Chain {
  const first = readUnsigned(bytes, EXTENDED_START, 4)
  // Without any there is a header of zeros, or of id ffff where all other bits are zero (PCIe 7.6.2, 7.6.3).
  if (first === undefined || first === 0 || first === 0x0000_ffff || first === 0xffff_ffff) return NONE
  return follow(EXTENDED_START, {
    lowest: EXTENDED_START,
    pointer: EXTENDED_START,
    at: (offset) => stopAt(bytes, offset),
  })
}

/** PCIe 7.6.3: id, version and next pointer in one header. */
function stopAt(bytes: Uint8Array, offset: number): Stop {
  const header = readUnsigned(bytes, offset, 4)
  if (header === undefined) {
    const text = `the extended capabilities go on at ${place(offset)}, but only ${bytes.length} bytes are at hand`
    return { problem: { kind: 'truncated', offset, text } }
  }
  if (header === 0xffff_ffff) {
    const text = `the extended capability at ${place(offset)} reads as all ones`
    return { problem: { kind: 'unreadable', offset, text } }
  }
  if (header === 0) {
    return {
      problem: { kind: 'empty', offset, text: `a pointer leads to ${place(offset)}, where there are zeros only` },
    }
  }
  const [id, version] = [bitsOf(header, 0, 16), bitsOf(header, 16, 4)]
  return { link: { offset, id, version }, next: bitsOf(header, 20, 12) }
}
