import { z } from 'zod'

/** Number types of a profile. The error texts say what is allowed; the place is added by the reader. */

/** An integer in [first, last], written as a number. */
export const integer = (first: number, last: number) => z.int().min(first).max(last)

/** Bytes, or a count of them. */
export const bytes = (first: number) => integer(first, Number.MAX_SAFE_INTEGER)

export const powerOfTwo = (first: number) =>
  bytes(first).refine((value) => Number.isInteger(Math.log2(value)), { error: 'must be a power of two' })

const MUST = "must be an unsigned number, or a quoted hex text of at most 64 bits such as '0xffffffffffffffff'"
const HEX = /^0x[0-9a-fA-F]{1,16}$/

/**
 * An unsigned 64-bit number: written as a number below 2^53, else as a quoted hex text, because YAML readers that
 * keep numbers in doubles would round it. A bigint once it is read.
 */
export const unsigned64 = z
  .union([bytes(0), z.string().regex(HEX, { error: MUST })], {
    error: MUST,
  })
  .transform((value) => BigInt(value))
