import type { Kernel } from '../../kernel/kernel.ts'
import type { Mdl } from '../mdl.ts'

/** Writes the frames' numbers behind the header, from the first slot on. */
export function notePfns({ frames }: Kernel, mdl: Mdl, indices: Uint32Array): void {
  const slots = mdl.slots()
  for (const [page, index] of indices.entries()) slots[page] = BigInt(frames.pfn(index))
}
