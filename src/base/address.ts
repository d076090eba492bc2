import { ProbarError } from './errors.ts'

/**
 * Four kinds of address that are never mixed (docs/ARCHITECTURE.md). They are branded so that the compiler
 * refuses one where another is due, and have no arithmetic but the checked functions below.
 */
declare const kind: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [kind]: Name }

/** CPU virtual address of a view. */
export type Va = Branded<bigint, 'Va'>
/** CPU frame address in Probar's physical space. */
export type PhysicalAddress = Branded<bigint, 'PhysicalAddress'>
/** Page frame number: a physical address without its low 12 bits. Below 2^40, so a number. */
export type Pfn = Branded<number, 'Pfn'>
/** What the device puts on the bus: logical address, IOVA. */
export type BusAddress = Branded<bigint, 'BusAddress'>

type Address = Va | PhysicalAddress | BusAddress

const LIMIT = 1n << 64n

/** @throws ProbarError range-outside for a number with a fraction, or none at all */
function whole(value: bigint | number, name: string): bigint {
  if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt(value)
  throw new ProbarError('range-outside', `${name} ${value} is no whole number`)
}

function checked(value: bigint | number, name: string): bigint {
  const wide = whole(value, name)
  if (wide < 0n || wide >= LIMIT) throw new ProbarError('range-outside', `${name} ${wide} is no 64-bit address`)
  return wide
}

/** @throws ProbarError range-outside when the value is no unsigned 64-bit number */
export const va = (value: bigint | number): Va => checked(value, 'virtual address') as Va
/** @throws ProbarError range-outside when the value is no unsigned 64-bit number */
export const physicalAddress = (value: bigint | number): PhysicalAddress =>
  checked(value, 'physical address') as PhysicalAddress
/** @throws ProbarError range-outside when the value is no unsigned 64-bit number */
export const busAddress = (value: bigint | number): BusAddress => checked(value, 'bus address') as BusAddress

/** @throws ProbarError range-outside when the number is negative, fractional or at or above 2^52 */
export function pfn(value: number): Pfn {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 52) {
    throw new ProbarError('range-outside', `${value} is no page frame number`)
  }
  return value as Pfn
}

/** `address + bytes`, of the same kind. @throws ProbarError range-outside instead of wrapping */
export function advance<A extends Address>(address: A, bytes: bigint | number): A {
  return checked(address + whole(bytes, 'distance'), 'address') as A
}

/** The distance from `from` up to `to`. @throws ProbarError range-outside when it is negative or at or above 2^53 */
export function distance<A extends Address>(from: A, to: A): number {
  const bytes = BigInt(to) - BigInt(from)
  if (bytes < 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ProbarError('range-outside', `the distance ${bytes} is no offset`)
  }
  return Number(bytes)
}
