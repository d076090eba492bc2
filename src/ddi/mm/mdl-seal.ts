import { pagesIn } from '../../base/pages.ts'
import type { Mdl } from './mdl.ts'

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

/** The words by name. From Process to ByteOffset, the last, all are sealed. */
const [SIZE, PROCESS, BYTE_COUNT, BYTE_OFFSET] = [2, 4, 10, 11]
/** MdlFlags is the other half of the word. */
const SIZE_MASK = 0xffff
const NO_WORDS = new Uint32Array()

/** Up to so many words a loop is faster than a native comparison, which needs views of its own. */
const FEW_WORDS = 256

/**
 * A copy of what a routine last wrote into an MDL. The bytes stay the truth for whoever reads the MDL; the copy tells
 * that somebody else wrote into them. Words of 4 bytes, because an element of 8 becomes an object when it is read.
 */
export class MdlSeal {
  readonly #mdl: Mdl
  readonly #header: Uint32Array
  readonly #slots: Uint32Array
  /** As long as it ever had to be; the first `#count` words are sealed. */
  #pages = NO_WORDS
  #count = 0

  constructor(mdl: Mdl) {
    this.#mdl = mdl
    this.#header = new Uint32Array(mdl.words().length)
    this.header()
    const { buffer, byteOffset, length } = mdl.slots()
    this.#slots = new Uint32Array(buffer, byteOffset, length * 2)
  }

  /** Page numbers that were sealed. */
  get pages(): number {
    return this.#count / 2
  }

  /** Takes the header as it is. */
  header(): void {
    copy(this.#mdl.words(), this.#header, this.#header.length)
  }

  /** Takes the header and the PFN array as they are. @param valid whether the array means anything (MDL-013) */
  all(valid: boolean): void {
    this.header()
    const bytes = (this.#header[BYTE_OFFSET] ?? 0) + (this.#header[BYTE_COUNT] ?? 0)
    this.#count = valid ? Math.min(2 * pagesIn(bytes), this.#slots.length) : 0
    if (this.#pages.length < this.#count) this.#pages = new Uint32Array(this.#count)
    copy(this.#slots, this.#pages, this.#count)
  }

  /** The first member of the header that is not what was sealed, or undefined. */
  brokenHeader(): SealedMember | undefined {
    const [now, sealed] = [this.#mdl.words(), this.#header]
    let changed = ((now[SIZE] ?? 0) ^ (sealed[SIZE] ?? 0)) & SIZE_MASK
    for (let word = PROCESS; word <= BYTE_OFFSET; word++) changed |= (now[word] ?? 0) ^ (sealed[word] ?? 0)
    if (changed === 0) return undefined
    return SEALED_WORDS.find(([word, mask]) => (((now[word] ?? 0) ^ (sealed[word] ?? 0)) & mask) !== 0)?.[2]
  }

  /** The same for the PFN array; only for a header that is whole. */
  brokenPages(): SealedMember | undefined {
    const [now, sealed, count] = [this.#slots, this.#pages, this.#count]
    if (count > FEW_WORDS) {
      if (Buffer.compare(bytesOf(now, count), bytesOf(sealed, count)) === 0) return undefined
      return now[0] === sealed[0] && now[1] === sealed[1] ? 'page' : 'first-page'
    }
    for (let word = 0; word < count; word++) {
      if (now[word] !== sealed[word]) return word < 2 ? 'first-page' : 'page'
    }
    return undefined
  }
}

function copy(from: Uint32Array, to: Uint32Array, count: number): void {
  if (count > FEW_WORDS) to.set(from.subarray(0, count))
  else for (let word = 0; word < count; word++) to[word] = from[word] ?? 0
}

/** Compared natively: an MDL of a gigabyte has a quarter of a million entries. */
const bytesOf = ({ buffer, byteOffset }: Uint32Array, count: number): Uint8Array =>
  new Uint8Array(buffer, byteOffset, count * 4)
