import { ProbarError } from '../base/errors.ts'
import type { Mapping } from './contract.ts'

/**
 * Ends a mapping and believes it only when the platform says that all of it is gone: what is left would let the device
 * reach memory that belongs to somebody else by then.
 * @throws ProbarError dma-unmap-short
 */
export function unmapWhole(mapping: Mapping): void {
  const bytes = mapping.unmap()
  if (bytes === mapping.size) return
  throw new ProbarError(
    'dma-unmap-short',
    `the platform unmapped ${bytes} bytes of a mapping of ${mapping.size}: reset the device`,
  )
}
