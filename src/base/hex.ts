/** Lowercase `0x` form used in records, reports and messages. */
export function hex(value: bigint | number, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}
