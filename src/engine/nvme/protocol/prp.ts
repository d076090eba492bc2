import type { BusAddress } from '../../../base/address.ts'
import { ProbarError } from '../../../base/errors.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Segments } from '../../../device/segments.ts'
import type { DataPointer } from './commands.ts'

const PAGE = BigInt(PAGE_SIZE)
/** Entries of 8 bytes in a page of a PRP list. */
const ENTRIES = PAGE_SIZE / 8

/** A data pointer, and what has to be in the pages of the list before the controller sees it. */
export interface BuiltList {
  readonly pointer: DataPointer
  /** Contents of the first list pages, in the order in which they were given. */
  readonly pages: readonly Uint8Array[]
}

/**
 * Whether PRP entries can describe a list (NVM Express Base Specification 1.4, section 4.3): it starts at a multiple of
 * 4, and between two segments the one ends and the other begins at a page's boundary. Pages have 4 KiB.
 */
export function fitsPrp(list: Segments): boolean {
  const last = list.count - 1
  for (let index = 0; index <= last; index++) {
    const start = list.bus[index] ?? 0n
    const end = start + BigInt(list.lengths[index] ?? 0)
    if (index === 0 ? start % 4n !== 0n : start % PAGE !== 0n) return false
    if (index < last && end % PAGE !== 0n) return false
  }
  return last >= 0
}

/** Pages that the PRP list of so many bytes may take at most, wherever in a page they start. */
export function prpListPages(bytes: number): number {
  const entries = Math.ceil(bytes / PAGE_SIZE)
  // the last entry of every list page but the final one points to the next
  return entries <= 1 ? 0 : Math.ceil((entries - 1) / (ENTRIES - 1))
}

/**
 * PRP entries 1 and 2, and the list of the others (section 4.3).
 * @param list that fits (`fitsPrp`)
 * @param listPages where the pages of a PRP list are on the bus, as many as `prpListPages` says
 * @throws ProbarError range-outside when there are too few of them
 */
export function buildPrp(list: Segments, listPages: readonly BusAddress[]): BuiltList {
  const entries = entriesOf(list)
  const [first = 0n, second = 0n] = entries
  if (entries.length <= 2) return { pointer: pointer(first, second), pages: [] }
  const pages = chain(entries.subarray(1), listPages)
  return { pointer: pointer(first, listPages[0] ?? 0n), pages }
}

/** The start of the list, and of each further page of it. */
function entriesOf(list: Segments): BigUint64Array {
  const entries: bigint[] = []
  for (const { bus, length } of list) {
    const end = bus + BigInt(length)
    for (let at = BigInt(bus); at < end; at = (at / PAGE + 1n) * PAGE) entries.push(at)
  }
  return BigUint64Array.from(entries)
}

/** The list's pages: where more follow than one holds, its last entry is the address of the next. */
function chain(entries: BigUint64Array, listPages: readonly BusAddress[]): readonly Uint8Array[] {
  const pages: Uint8Array[] = []
  for (let done = 0; done < entries.length;) {
    const whole = entries.length - done <= ENTRIES
    const part = entries.subarray(done, done + (whole ? ENTRIES : ENTRIES - 1))
    const next = listPages[pages.length + 1]
    if (listPages[pages.length] === undefined || (!whole && next === undefined)) {
      throw new ProbarError('range-outside', `${entries.length} PRP entries need more than ${listPages.length} pages`)
    }
    pages.push(littleEndian(whole || next === undefined ? part : BigUint64Array.of(...part, next)))
    done += part.length
  }
  return pages
}

function littleEndian(words: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [index, word] of words.entries()) view.setBigUint64(8 * index, word, true)
  return bytes
}

const pointer = (first: bigint, second: bigint): DataPointer => ({
  kind: 'prp',
  bytes: littleEndian(BigUint64Array.of(first, second)),
})
