import { ProbarError } from '../base/errors.ts'
import type { Mapping } from './contract.ts'

/**
 * Ends a mapping and believes it only when the platform says that all of it is gone: what is left would let the device
 * reach memory that belongs to somebody else by then.
 * @throws ProbarError dma-unmap-short
 */
export function unmapWhole(mapping: Mapping): void {
  const bytes = mapping.unmap()
  if (bytes !== mapping.size) throw shortUnmap(bytes, mapping.size)
}

/** @param bytes that the platform says it unmapped, of so many */
export function shortUnmap(bytes: number, size: number): ProbarError {
  return new ProbarError(
    'dma-unmap-short',
    `the platform unmapped ${bytes} bytes of a mapping of ${size}: reset the device`,
  )
}
