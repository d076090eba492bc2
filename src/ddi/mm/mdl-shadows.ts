import type { Va } from '../../base/address.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Process } from '../kernel/processes.ts'
import type { IoRange } from './io-space/ranges.ts'
import { ADDRESS_AND_SIZE_TO_SPAN_PAGES, type Mdl, MmGetMdlByteCount, MmGetMdlVirtualAddress } from './mdl.ts'
import { MdlSeal, type SealedMember } from './mdl-seal.ts'

/**
 * Where an MDL comes from, which decides how it is released: `pages` from MmAllocatePagesForMdl and its variants, `io`
 * from IoAllocateMdl, `io-space` from MmAllocateMdlForIoSpace, `caller` in memory of the caller's own.
 */
export type MdlOrigin = 'pages' | 'io' | 'io-space' | 'caller'

/** What Probar knows of an MDL beside its bytes, so that freed, forged and corrupted ones are told. */
export interface MdlShadow {
  readonly mdl: Mdl
  readonly origin: MdlOrigin
  /** What the bytes must be; whoever writes into the MDL in a routine's name seals it anew. */
  readonly seal: MdlSeal
  /** Frames that the MDL describes, in order; empty while it describes none. */
  frames: Uint32Array
  /** Pages of BARs that it describes instead. */
  ranges: readonly IoRange[]
  /** For a partial MDL: the MDL whose pages it shows a part of, and how one knows that those are the same still. */
  partialOf: PartOf | undefined
  /** Partial MDLs that show some of its pages, however they were made. */
  readonly parts: Set<MdlShadow>
  /** The lock of MmProbeAndLockPages, and the process for which user pages are locked. */
  lock: { readonly process: Process | undefined } | undefined
  /** A view of its own; a partial MDL may have its source's by its bytes, which is none of its own. */
  systemView: Va | undefined
  /** It had a system view at some time. */
  wasMapped: boolean
  readonly userViews: Set<Va>
  /** Scatter/gather lists through which a device reaches the pages. */
  lists: number
  /** The rule by which it goes back through a routine of another family only. */
  keptBy?: string | undefined
}

export interface PartOf {
  readonly root: MdlShadow
  /** `root.frames` when the part was built: a release leaves another array there. */
  readonly frames: Uint32Array
  /** The MDL whose system view the part was lent, and the view (MDL-104). */
  readonly lender: { readonly shadow: MdlShadow; readonly view: Va } | undefined
}

/** The shadow records of the MDLs of a session. */
export class MdlShadows {
  readonly #kernel: Kernel
  readonly #shadows = new Map<Va, MdlShadow>()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  get alive(): number {
    return this.#shadows.size
  }

  all(): readonly MdlShadow[] {
    return [...this.#shadows.values()]
  }

  /** Takes the MDL in, sealed as it is. @param pages what it describes; nothing unless told */
  add(mdl: Mdl, origin: MdlOrigin, pages: Partial<Pick<MdlShadow, 'frames' | 'ranges'>> = {}): MdlShadow {
    const shadow: MdlShadow = {
      mdl,
      origin,
      seal: new MdlSeal(mdl),
      frames: pages.frames ?? new Uint32Array(),
      ranges: pages.ranges ?? [],
      partialOf: undefined,
      parts: new Set(),
      lock: undefined,
      systemView: undefined,
      wasMapped: false,
      userViews: new Set(),
      lists: 0,
    }
    this.#shadows.set(mdl.address, shadow)
    seal(shadow)
    return shadow
  }

  /**
   * The record of an MDL.
   * @throws CallerError for NULL, or an MDL that is freed or of another session (MDL-013), or whose bytes were changed
   *   where a driver may not (MDL-011, MDL-013)
   * @throws BugCheck 0xDA for such a change while it is mapped (MDL-142)
   */
  check(routine: string, mdl: Mdl | null): MdlShadow {
    const shadow = this.known(routine, mdl)
    const broken = shadow.seal.brokenPages()
    if (broken !== undefined) this.#tampered(routine, shadow, broken)
    return shadow
  }

  /** As `check`, for a routine that reads no page number: those are not looked at. */
  known(routine: string, mdl: Mdl | null): MdlShadow {
    const shadow = mdl === null ? undefined : this.#shadows.get(mdl.address)
    if (shadow === undefined || shadow.mdl !== mdl) {
      const text = mdl === null ? 'the MDL is NULL' : 'the MDL was freed, or is none of this session'
      this.#kernel.ledger.raise({ rule: 'MDL-013', routine, text })
    }
    const broken = shadow.seal.brokenHeader()
    if (broken !== undefined) this.#tampered(routine, shadow, broken)
    return shadow
  }

  /** The MDL behind a pointer, such as a Next member; undefined where none is alive. */
  at(address: Va): Mdl | undefined {
    return this.#shadows.get(address)?.mdl
  }

  /** The record of an MDL whatever its bytes say; undefined for one that is freed. */
  find(mdl: Mdl): MdlShadow | undefined {
    const shadow = this.#shadows.get(mdl.address)
    return shadow?.mdl === mdl ? shadow : undefined
  }

  /** Forgets the MDL and frees its memory. */
  retire(mdl: Mdl): void {
    const shadow = this.find(mdl)
    if (shadow !== undefined) shadow.partialOf?.root.parts.delete(shadow)
    this.#shadows.delete(mdl.address)
    this.#kernel.pool.free(mdl.address)
  }

  #tampered(routine: string, shadow: MdlShadow, member: SealedMember): never {
    const parameter = isMapped(shadow) ? misuseCode(shadow, member) : undefined
    const text = `${WORDS[member]} of the MDL was changed`
    if (parameter !== undefined) {
      this.#kernel.ledger.raise({ rule: 'MDL-142', routine, text, bugCheck: { code: 0xda, parameter } })
    }
    const rule = member === 'first-page' || member === 'page' ? 'MDL-013' : 'MDL-011'
    return this.#kernel.ledger.raise({ rule, routine, text })
  }
}

/** It has a view of its own, in either mode. */
export const isMapped = ({ systemView, userViews }: MdlShadow): boolean =>
  systemView !== undefined || userViews.size > 0

/** Pages that it describes, by what Probar knows. */
export const describesPages = ({ frames, ranges }: MdlShadow): boolean => frames.length > 0 || ranges.length > 0

/** Its pages are its own to give back, and not those of an MDL that it was made a part of after it had lost its own. */
export const ownsPages = ({ origin, partialOf }: MdlShadow): boolean => origin === 'pages' && partialOf === undefined

/** A routine has written into the MDL, or changed what it describes. */
export const seal = (shadow: MdlShadow): void => shadow.seal.all(describesPages(shadow))

const WORDS: Readonly<Record<SealedMember, string>> = {
  Size: 'Size',
  Process: 'Process',
  MappedSystemVa: 'MappedSystemVa',
  StartVa: 'StartVa',
  ByteCount: 'ByteCount',
  ByteOffset: 'ByteOffset',
  'first-page': 'the first page number',
  page: 'a page number',
}

/** SYSTEM_PTE_MISUSE, parameter 1, where one is documented for the change (MDL-142). */
function misuseCode({ mdl, seal: { pages: sealed } }: MdlShadow, member: SealedMember): number | undefined {
  switch (member) {
    case 'ByteCount':
    case 'ByteOffset': {
      const pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(mdl), MmGetMdlByteCount(mdl))
      return pages === sealed ? undefined : 0x02
    }
    case 'MappedSystemVa':
      return 0x03
    case 'first-page':
      return 0x04
    case 'StartVa':
      return 0x05
    default:
      return undefined
  }
}
