import { type Va, distance } from '../../base/address.ts'
import { MDL, POINTER_SIZE } from '../../ddi/layout/x64.ts'
import type { Context } from '../context.ts'

/** The bytes of a structure as memory holds them, read beside all classes and layout tables. */
export function homeBytes({ frames }: Context, address: Va, length: number): DataView {
  const copy = frames.read(distance(frames.address, address), length)
  return new DataView(copy.buffer, copy.byteOffset, copy.byteLength)
}

/** Bytes of an MDL with so many page numbers. */
export const mdlBytes = (pages: number): number => MDL.size + POINTER_SIZE * pages
