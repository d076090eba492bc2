import type { Kernel } from '../../kernel/kernel.ts'
import type { Mdl } from '../mdl.ts'

/** Writes the frames' numbers behind the header, from the first slot on. */
export function notePfns({ frames }: Kernel, mdl: Mdl, indices: Uint32Array): void {
  const { buffer, byteOffset } = mdl.slots()
  frames.writePfns(indices, new Uint32Array(buffer, byteOffset, 2 * indices.length))
}
