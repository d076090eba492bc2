import { type Va, va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SHIFT, PAGE_SIZE } from '../../base/pages.ts'
import { MdlFlags } from '../constants.ts'
import { MDL, POINTER_SIZE } from '../layout/x64.ts'
import { Struct } from '../layout/struct.ts'
import type { PoolBlock } from '../kernel/pool.ts'

/** MDL_ROOM: no buffer is longer (MDL-021, MDL-116). */
export const MDL_MAX_BYTES = 0x1_0000_0000 - PAGE_SIZE

/** What MmFreePagesFromMdl leaves in a PFN slot (MDL-124). */
export const EMPTY_SLOT = 0xffff_ffff_ffff_ffffn

/**
 * A memory descriptor list: a view over the 48-byte header and the PFN array behind it (MDL-001, MDL-002). Drivers
 * touch Next and MdlFlags only; all else goes through the accessors (MDL-011).
 */
export class Mdl {
  readonly header: Struct<typeof MDL>
  /** Room for PFN entries behind the header. */
  readonly capacity: number
  readonly #words: Uint32Array
  readonly #slots: BigUint64Array

  constructor({ address, data, size }: PoolBlock) {
    this.header = new Struct(MDL, { address, data })
    this.capacity = Math.floor((size - MDL.size) / POINTER_SIZE)
    this.#words = new Uint32Array(data.buffer, data.byteOffset, MDL.size / 4)
    this.#slots = new BigUint64Array(data.buffer, data.byteOffset + MDL.size, this.capacity)
  }

  get address(): Va {
    return this.header.address
  }

  get MdlFlags(): number {
    return this.header.get('MdlFlags')
  }

  set MdlFlags(flags: number) {
    this.header.set('MdlFlags', flags)
  }

  has(flag: number): boolean {
    return (this.MdlFlags & flag) === flag
  }

  /** The header, 4 bytes at a time. */
  words(): Uint32Array {
    return this.#words
  }

  /** All entries for which there is room, valid or not. */
  slots(): BigUint64Array {
    return this.#slots
  }
}

/**
 * ADDRESS_AND_SIZE_TO_SPAN_PAGES: pages touched by [address, address + size) (MDL-005).
 * @throws ProbarError range-outside where the macro would wrap (MDL-006), which is far above what is counted here exactly
 */
export function ADDRESS_AND_SIZE_TO_SPAN_PAGES(address: Va, size: number): number {
  const offset = Number(address & BigInt(PAGE_SIZE - 1))
  const sum = offset + size + PAGE_SIZE - 1
  if (!Number.isSafeInteger(sum) || size < 0) {
    throw new ProbarError('range-outside', `a range of ${size} bytes has no span`)
  }
  return Math.floor(sum / PAGE_SIZE)
}

/** Bytes of an MDL for a buffer: 48 + 8 * span on x64 (MDL-007). */
export function MmSizeOfMdl(base: Va, length: number): number {
  return MDL.size + POINTER_SIZE * ADDRESS_AND_SIZE_TO_SPAN_PAGES(base, length)
}

/**
 * MmInitializeMdl (MDL-008). Size keeps its low 16 bits only, as in the real header (MDL-009): nothing derives the
 * number of pages from it.
 */
export function MmInitializeMdl(mdl: Mdl, base: Va, length: number): void {
  mdl.header.set('Next', 0n)
  mdl.header.set('Size', MmSizeOfMdl(base, length) & 0xffff)
  mdl.header.set('MdlFlags', 0)
  mdl.header.set('StartVa', (base >> BigInt(PAGE_SHIFT)) << BigInt(PAGE_SHIFT))
  mdl.header.set('ByteOffset', Number(base & BigInt(PAGE_SIZE - 1)))
  mdl.header.set('ByteCount', length)
}

/** StartVa + ByteOffset: a position in the MDL, not necessarily a usable pointer (MDL-003, MDL-012). */
export const MmGetMdlVirtualAddress = (mdl: Mdl): Va =>
  va(mdl.header.get('StartVa') + BigInt(mdl.header.get('ByteOffset')))
export const MmGetMdlByteCount = (mdl: Mdl): number => mdl.header.get('ByteCount')
export const MmGetMdlByteOffset = (mdl: Mdl): number => mdl.header.get('ByteOffset')

/** The valid entries: span(virtual address, byte count) of them (MDL-004). Writable, as in a driver. */
export function MmGetMdlPfnArray(mdl: Mdl): BigUint64Array {
  return mdl.slots().subarray(0, ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(mdl), MmGetMdlByteCount(mdl)))
}

/** True when the pages are locked or need no lock (MDL-070). */
export function describesLockedPages(mdl: Mdl): boolean {
  return (
    (mdl.MdlFlags & (MdlFlags.MDL_PAGES_LOCKED | MdlFlags.MDL_SOURCE_IS_NONPAGED_POOL | MdlFlags.MDL_PARTIAL)) !== 0
  )
}
