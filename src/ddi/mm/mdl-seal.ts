import { type Mdl, MmGetMdlPfnArray } from './mdl.ts'

/** What of an MDL no driver may change (MDL-011, MDL-013); `first-page` and `page` are entries of its PFN array. */
export type SealedMember =
  'Size' | 'Process' | 'MappedSystemVa' | 'StartVa' | 'ByteCount' | 'ByteOffset' | 'first-page' | 'page'

/** Words of 4 bytes in the x64 header; those of Next, MdlFlags and the padding are not here. */
const SEALED_WORDS: readonly (readonly [word: number, mask: number, member: SealedMember])[] = [
  [8, 0xffff_ffff, 'StartVa'],
  [9, 0xffff_ffff, 'StartVa'],
  [6, 0xffff_ffff, 'MappedSystemVa'],
  [7, 0xffff_ffff, 'MappedSystemVa'],
  [10, 0xffff_ffff, 'ByteCount'],
  [11, 0xffff_ffff, 'ByteOffset'],
  [4, 0xffff_ffff, 'Process'],
  [5, 0xffff_ffff, 'Process'],
  [2, 0xffff, 'Size'],
]

/**
 * A copy of what a routine last wrote into an MDL. The bytes stay the truth for whoever reads the MDL; the copy tells
 * that somebody else wrote into them.
 */
export class MdlSeal {
  readonly #mdl: Mdl
  readonly #header: Uint32Array
  #pages = new BigUint64Array()

  constructor(mdl: Mdl) {
    this.#mdl = mdl
    this.#header = mdl.words().slice()
  }

  /** Takes the header as it is. */
  header(): void {
    this.#header.set(this.#mdl.words())
  }

  /** Takes the header and the PFN array as they are. @param valid whether the array means anything (MDL-013) */
  all(valid: boolean): void {
    this.header()
    this.#pages = valid ? MmGetMdlPfnArray(this.#mdl).slice() : new BigUint64Array()
  }

  /** The first member of the header that is not what was sealed, or undefined. */
  brokenHeader(): SealedMember | undefined {
    const now = this.#mdl.words()
    for (const [word, mask, member] of SEALED_WORDS) {
      if ((((now[word] ?? 0) ^ (this.#header[word] ?? 0)) & mask) !== 0) return member
    }
    return undefined
  }

  /** The same for the PFN array; only for a header that is whole. */
  brokenPages(): SealedMember | undefined {
    const count = this.#pages.length
    if (count === 0) return undefined
    const now = this.#mdl.slots()
    if (now[0] !== this.#pages[0]) return 'first-page'
    return Buffer.compare(bytesOf(now, count), bytesOf(this.#pages, count)) === 0 ? undefined : 'page'
  }
}

/** Compared natively: an MDL of a gigabyte has a quarter of a million entries. */
const bytesOf = ({ buffer, byteOffset }: BigUint64Array, count: number): Uint8Array =>
  new Uint8Array(buffer, byteOffset, count * 8)
