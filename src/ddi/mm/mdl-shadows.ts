import type { Va } from '../../base/address.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { type Mdl, MmGetMdlPfnArray } from './mdl.ts'

/**
 * Where an MDL comes from, which decides how it is released: `pages` from MmAllocatePagesForMdl and its variants, `io`
 * from IoAllocateMdl, `io-space` from MmAllocateMdlForIoSpace, `caller` in memory of the caller's own.
 */
export type MdlOrigin = 'pages' | 'io' | 'io-space' | 'caller'

/** What Probar knows of an MDL beside its bytes, so that freed, forged and corrupted ones are told. */
export interface MdlShadow {
  readonly mdl: Mdl
  readonly origin: MdlOrigin
  /** Frames that the MDL describes, in order; empty while it describes none. */
  frames: Uint32Array
  systemView: Va | undefined
  readonly userViews: Set<Va>
  /** Scatter/gather lists through which a device reaches the pages. */
  lists: number
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

  add(mdl: Mdl, { origin, frames }: Pick<MdlShadow, 'origin' | 'frames'>): void {
    this.#shadows.set(mdl.address, { mdl, origin, frames, systemView: undefined, userViews: new Set(), lists: 0 })
  }

  /**
   * The record of an MDL.
   * @throws CallerError for one that is freed or of another session
   * @throws BugCheck 0xDA when its first page number was changed while it is mapped (MDL-142)
   */
  check(routine: string, mdl: Mdl): MdlShadow {
    const shadow = this.#shadows.get(mdl.address)
    if (shadow === undefined || shadow.mdl !== mdl) {
      this.#kernel.ledger.raise({ rule: 'MDL-013', routine, text: 'the MDL was freed, or is none of this session' })
    }
    const first = shadow.frames[0]
    const mapped = shadow.systemView !== undefined
    if (mapped && first !== undefined && MmGetMdlPfnArray(mdl)[0] !== BigInt(this.#kernel.frames.pfn(first))) {
      const bugCheck = { code: 0xda, parameter: 0x04 }
      this.#kernel.ledger.raise({ rule: 'MDL-142', routine, text: 'the first page number was changed', bugCheck })
    }
    return shadow
  }

  /** The MDL behind a pointer, such as a Next member; undefined where none is alive. */
  at(address: Va): Mdl | undefined {
    return this.#shadows.get(address)?.mdl
  }

  /** The record of an MDL whatever its bytes say; undefined for one that is freed. */
  find(mdl: Mdl): MdlShadow | undefined {
    return this.#shadows.get(mdl.address)
  }

  /** Forgets the MDL and frees its memory. */
  retire(mdl: Mdl): void {
    this.#shadows.delete(mdl.address)
    this.#kernel.pool.free(mdl.address)
  }
}
