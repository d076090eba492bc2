import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'

/**
 * @param offset bytes from the start of the region or view
 * @param width of the access in bytes
 * @param size of the region or view in bytes
 * @throws ProbarError region-outside, region-misaligned
 */
export function checkRegisterAccess(offset: number, width: number, size: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset + width > size) {
    throw new ProbarError(
      'region-outside',
      `offset ${offset} with ${width} bytes is outside the ${hex(size)} bytes there`,
    )
  }
  if (offset % width !== 0) {
    throw new ProbarError('region-misaligned', `offset ${hex(offset)} is no multiple of the access width ${width}`)
  }
}
