/** What surrounds a buffer so that a write past its end shows (VER-004, HC-1). */
export const GUARD_BYTE = 0x0f

/**
 * Bytes in which every position can be told: position k holds a mix of k's own bits, so that a shifted, swapped,
 * repeated or missing piece differs from what is expected. Never 0 and never the guard byte.
 * @param salt tells one pattern from another
 */
export function orderPattern(length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let k = 0; k < length; k++) {
    const mixed = Math.imul(k + 1 + Math.imul(salt, 0x9e3779b1), 0x85ebca6b)
    const byte = (mixed ^ (mixed >>> 13) ^ (mixed >>> 24)) & 0xff
    bytes[k] = byte === 0 || byte === GUARD_BYTE ? byte ^ 0xa5 : byte
  }
  return bytes
}
