import type { BusAddress } from '../../../base/address.ts'
import { ProbarError } from '../../../base/errors.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { Segments } from '../../../device/segments.ts'
import type { BuiltList } from './prp.ts'

const DESCRIPTOR_SIZE = 16
/** Descriptors in a page of the list. */
const DESCRIPTORS = PAGE_SIZE / DESCRIPTOR_SIZE

/** Types of SGL descriptors, in the upper half of byte 15; the lower half is 0 for an address (section 4.4, figure 112). */
const Type = { dataBlock: 0x0, segment: 0x2, lastSegment: 0x3 } as const

/** Pages that the SGL of so many data blocks takes. */
export function sglPages(blocks: number): number {
  if (blocks <= 1) return 0
  // the last descriptor of every page but the final one points to the next
  return Math.max(1, Math.ceil((blocks - 1) / (DESCRIPTORS - 1)))
}

/**
 * The SGL of a list (NVM Express Base Specification 1.4, section 4.4): one data block stands in the command itself, more
 * lie in segments of at most a page, the descriptor of the last one being of another type.
 * @param listPages where pages for segments are on the bus, as many as `sglPages` says
 * @throws ProbarError range-outside when there are too few of them
 */
export function buildSgl(list: Segments, listPages: readonly BusAddress[]): BuiltList {
  if (list.count === 1) return { pointer: { kind: 'sgl', bytes: blocksOf(list, 0, 1) }, pages: [] }
  const pages: Uint8Array[] = []
  const parts = partsOf(list.count)
  for (const [index, { from, count }] of parts.entries()) {
    const next = parts[index + 1]
    const blocks = blocksOf(list, from, count, next === undefined ? 0 : 1)
    if (next !== undefined) blocks.set(pointerTo(listPages, index + 1, parts), count * DESCRIPTOR_SIZE)
    pages.push(blocks)
  }
  return { pointer: { kind: 'sgl', bytes: pointerTo(listPages, 0, parts) }, pages }
}

interface Part {
  /** Of the data blocks. */
  readonly from: number
  readonly count: number
}

/** Which data blocks are in which page. */
function partsOf(blocks: number): readonly Part[] {
  const parts: Part[] = []
  for (let from = 0; from < blocks;) {
    const left = blocks - from
    const count = left <= DESCRIPTORS ? left : DESCRIPTORS - 1
    parts.push({ from, count })
    from += count
  }
  return parts
}

/** The descriptor of the segment in a page. */
function pointerTo(listPages: readonly BusAddress[], index: number, parts: readonly Part[]): Uint8Array {
  const [page, part] = [listPages[index], parts[index]]
  if (page === undefined || part === undefined) {
    throw new ProbarError('range-outside', `the list needs ${parts.length} pages, but there are ${listPages.length}`)
  }
  const last = index === parts.length - 1
  const count = last ? part.count : part.count + 1
  const bytes = new Uint8Array(DESCRIPTOR_SIZE)
  put(new DataView(bytes.buffer), 0, {
    at: page,
    length: count * DESCRIPTOR_SIZE,
    type: Type[last ? 'lastSegment' : 'segment'],
  })
  return bytes
}

/** @param room descriptors that are left free behind the data blocks */
function blocksOf(list: Segments, from: number, count: number, room = 0): Uint8Array {
  const bytes = new Uint8Array((count + room) * DESCRIPTOR_SIZE)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < count; i++) {
    const at = list.bus[from + i] ?? 0n
    put(view, i * DESCRIPTOR_SIZE, { at, length: list.lengths[from + i] ?? 0, type: Type.dataBlock })
  }
  return bytes
}

interface Descriptor {
  readonly at: bigint
  /** Below 2^32. */
  readonly length: number
  readonly type: number
}

function put(view: DataView, offset: number, { at, length, type }: Descriptor): void {
  view.setBigUint64(offset, at, true)
  view.setUint32(offset + 8, length, true)
  view.setUint8(offset + 15, type << 4)
}
