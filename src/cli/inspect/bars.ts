import { hex } from '../../base/hex.ts'
import type { ConfigBar, ExpansionRom } from '../../pci/bars.ts'
import { binarySize } from '../../report/text.ts'

/** `memory at 0xfe800000, 1 MiB, 32-bit` */
export function barText({ kind, address, size, addressBits, prefetchable, enabled }: Omit<ConfigBar, 'index'>): string {
  const where = address === 0n ? 'unassigned' : `at ${hex(address)}`
  const parts = [
    `${kind === 'io' ? 'I/O ports' : 'memory'} ${where}`,
    sizeText(size),
    ...(kind === 'io' ? [] : [`${addressBits}-bit`]),
    ...(prefetchable ? ['prefetchable'] : []),
    ...(enabled ? [] : ['disabled']),
  ]
  return parts.join(', ')
}

export function romText({ address, size, enabled }: ExpansionRom): string {
  const where = address === 0n ? 'unassigned' : `at ${hex(address)}`
  return [where, sizeText(size), ...(enabled ? [] : ['disabled'])].join(', ')
}

/** A dump doesn't tell sizes. */
const sizeText = (size: number | undefined): string => (size === undefined ? 'size not known' : binarySize(size))
