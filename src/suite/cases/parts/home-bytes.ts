import { type Va, busAddress, distance } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import type { ScatterGatherList } from '../../../ddi/dma/scatter-gather-list.ts'
import type { KsMappingTable } from '../../../ddi/ks/mappings.ts'
import { Segments } from '../../../device/segments.ts'
import type { Context } from '../../context.ts'

/** What memory holds, read through the home view beside all classes and layout tables: offsets here are literal. */

/** The bytes of a structure. */
export function homeBytes({ frames }: Context, address: Va, length: number): DataView {
  const copy = frames.read(distance(frames.address, address), length)
  return new DataView(copy.buffer, copy.byteOffset, copy.byteLength)
}

/** Bytes of an MDL with so many page numbers (MDL-001, MDL-002). */
export const mdlBytes = (pages: number): number => 48 + 8 * pages

/** The bytes of the frame with this number. */
export function frameBytes({ check, frames }: Context, pfn: bigint): Uint8Array {
  const index = check.present(frames.indexOf(Number(pfn)), `the frame with the number ${pfn}`)
  return frames.read(index * PAGE_SIZE, PAGE_SIZE)
}

/** A list's elements, walked as a driver does: the count at byte 0, 24 bytes an element from byte 16 (DMA-002). */
export function walkList(context: Context, list: ScatterGatherList): Segments {
  const count = homeBytes(context, list.address, 16).getUint32(0, true)
  return walk(homeBytes(context, list.address, 16 + 24 * count), 16, count, 24)
}

/** A table's entries, walked as a driver does: entry i at Mappings + i * stride (KSM-014). */
export function walkTable(context: Context, table: KsMappingTable, stride: number): Segments {
  return walkMappings(context, table.Mappings, table.Count, stride)
}

/** So many entries from one on. */
export function walkMappings(context: Context, mappings: Va, count: number, stride: number): Segments {
  return walk(homeBytes(context, mappings, count * stride), 0, count, stride)
}

/** In both an address comes first and its length 8 bytes on. */
function walk(bytes: DataView, start: number, count: number, stride: number): Segments {
  return Segments.of(
    Array.from({ length: count }, (_, i) => ({
      bus: busAddress(bytes.getBigUint64(start + i * stride, true)),
      length: bytes.getUint32(start + i * stride + 8, true),
    })),
  )
}
