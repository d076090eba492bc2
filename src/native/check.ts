import { types } from 'node:util'
import { ProbarError } from '../base/errors.ts'
import { PAGE_SIZE } from '../base/pages.ts'

/** Argument checks with the codes that the addon uses: a wrong type is `internal`, a useless number `range-outside`. */

/** An integer from 0 to `last`. */
export function checkCount(value: unknown, name: string, last: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number') throw new ProbarError('internal', `${name} must be a number`)
  if (!Number.isInteger(value) || value < 0 || value > last) {
    throw new ProbarError('range-outside', `${name} is ${value}, but must be an integer from 0 to ${last}`)
  }
  return value
}

/** A positive multiple of the page size that a process can address. */
export function checkSize(value: unknown, name: string): number {
  const size = checkCount(value, name, 2 ** 47)
  if (size === 0 || size % PAGE_SIZE !== 0) {
    throw new ProbarError('range-outside', `${name} is ${size}, but must be a positive multiple of ${PAGE_SIZE}`)
  }
  return size
}

/** 0, 1 or 3. */
export function checkProtection(value: unknown): 0 | 1 | 3 {
  const protection = checkCount(value, 'protection', 3)
  if (protection === 0 || protection === 1 || protection === 3) return protection
  throw new ProbarError('range-outside', 'protection must be 0 (none), 1 (read) or 3 (read and write)')
}

/** An unsigned 64-bit bigint. */
export function checkWide(value: unknown, name: string): bigint {
  if (typeof value !== 'bigint') throw new ProbarError('internal', `${name} must be a bigint`)
  if (BigInt.asUintN(64, value) !== value) {
    throw new ProbarError('range-outside', `${name} does not fit 64 unsigned bits`)
  }
  return value
}

/** A Uint8Array whose buffer is still there: a detached one would pass for an empty one. */
export function checkBytes(value: unknown, name: string): Uint8Array {
  if (!types.isUint8Array(value)) throw new ProbarError('internal', `${name} must be a Uint8Array`)
  checkAttached(value, name)
  return value
}

/** A Uint32Array whose buffer is still there. */
export function checkFrames(value: unknown, name: string): Uint32Array {
  if (!types.isUint32Array(value)) throw new ProbarError('internal', `${name} must be a Uint32Array`)
  checkAttached(value, name)
  return value
}

/** A BigUint64Array whose buffer is still there. */
export function checkBus(value: unknown, name: string): BigUint64Array {
  if (!types.isBigUint64Array(value)) throw new ProbarError('internal', `${name} must be a BigUint64Array`)
  checkAttached(value, name)
  return value
}

/** A Float64Array whose buffer is still there. */
export function checkLengths(value: unknown, name: string): Float64Array {
  if (!types.isFloat64Array(value)) throw new ProbarError('internal', `${name} must be a Float64Array`)
  checkAttached(value, name)
  return value
}

/** Node 20 has no `detached`; but a detached buffer refuses to be sliced. */
function checkAttached(array: Pick<Uint8Array, 'length' | 'buffer'>, name: string): void {
  if (array.length > 0) return
  try {
    array.buffer.slice(0, 0)
  } catch (cause) {
    throw new ProbarError('closed', `the buffer of ${name} was detached: its area was released`, { cause })
  }
}
