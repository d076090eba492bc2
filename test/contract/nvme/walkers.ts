/**
 * Data pointers as a controller follows them, written from the specification alone (NVM Express Base Specification 1.4,
 * sections 4.3 and 4.4): of the code under test nothing is used.
 */

/** Reads memory on the bus. */
export type Fetch = (address: bigint, length: number) => Uint8Array

export interface Piece {
  readonly address: bigint
  readonly length: number
}

/** What a controller says of a list that breaks a rule. */
export class ListError extends Error {}

const PAGE = 4096

const u64 = (bytes: Uint8Array, at: number): bigint => {
  let value = 0n
  for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] ?? 0)
  return value
}
const u32 = (bytes: Uint8Array, at: number): number =>
  Number(u64(Uint8Array.of(...bytes.slice(at, at + 4), 0, 0, 0, 0), 0))

/** @param pointer 16 bytes: PRP entry 1 and 2 @param length bytes of the whole transfer */
export function walkPrp(pointer: Uint8Array, length: number, fetch: Fetch): readonly Piece[] {
  const first = u64(pointer, 0)
  if (first % 4n !== 0n) throw new ListError('PRP entry 1 is no multiple of 4')
  const pieces: Piece[] = []
  const offset = Number(first % BigInt(PAGE))
  let left = length
  const add = (address: bigint): number => {
    const room = PAGE - Number(address % BigInt(PAGE))
    pieces.push({ address, length: Math.min(left, room) })
    return left - Math.min(left, room)
  }
  left = add(first)
  if (left === 0) return pieces
  const second = u64(pointer, 8)
  if (length + offset <= 2 * PAGE) {
    if (second % BigInt(PAGE) !== 0n) throw new ListError('PRP entry 2 has an offset')
    add(second)
    return pieces
  }
  if (second % 8n !== 0n) throw new ListError('the PRP list is no multiple of 8')
  let at = second
  while (left > 0) {
    const entry = u64(fetch(at, 8), 0)
    const lastOfPage = at % BigInt(PAGE) === BigInt(PAGE - 8)
    if (entry % BigInt(PAGE) !== 0n) throw new ListError('an entry of the PRP list has an offset')
    if (lastOfPage && left > PAGE) {
      at = entry
      continue
    }
    left = add(entry)
    at += 8n
  }
  return pieces
}

/** @param pointer 16 bytes: the first SGL descriptor */
export function walkSgl(pointer: Uint8Array, length: number, fetch: Fetch): readonly Piece[] {
  const pieces: Piece[] = []
  let descriptors: Uint8Array = pointer
  let final = false
  for (;;) {
    let next: Uint8Array | undefined
    for (let at = 0; at < descriptors.length; at += 16) {
      const [address, bytes, identifier] = [u64(descriptors, at), u32(descriptors, at + 8), descriptors[at + 15]]
      if (descriptors.slice(at + 12, at + 15).some((byte) => byte !== 0)) throw new ListError('reserved bytes are set')
      if (identifier === 0x00) pieces.push({ address, length: bytes })
      else if (identifier === 0x20 || identifier === 0x30) {
        if (final || at !== descriptors.length - 16) throw new ListError('a segment descriptor is not the last one')
        if (bytes === 0 || bytes % 16 !== 0) throw new ListError('a segment has no whole descriptors')
        final = identifier === 0x30
        next = fetch(address, bytes)
      } else throw new ListError(`descriptor type ${identifier}`)
    }
    if (next === undefined) break
    descriptors = next
  }
  if (pieces.length > 1 && !final) throw new ListError('the last segment is not marked as such')
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (total !== length) throw new ListError(`the SGL has ${total} bytes, not ${length}`)
  return pieces
}

/** Pieces that follow one another in memory become one. */
export function merged(pieces: Iterable<Piece>): readonly Piece[] {
  const result: Piece[] = []
  for (const piece of pieces) {
    const last = result.at(-1)
    if (piece.length === 0) continue
    if (last !== undefined && last.address + BigInt(last.length) === piece.address) {
      result[result.length - 1] = { address: last.address, length: last.length + piece.length }
    } else result.push({ address: piece.address, length: piece.length })
  }
  return result
}
