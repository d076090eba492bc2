import type { Va } from '../../base/address.ts'
import type { Kernel } from '../kernel.ts'
import { type Mdl, MmGetMdlPfnArray } from './mdl.ts'

/** What Probar knows of an MDL beside its bytes, so that freed, forged and corrupted ones are told. */
export interface MdlShadow {
  readonly mdl: Mdl
  /** Frames that the MDL owns, in order; empty once they are freed. */
  frames: Uint32Array
  systemView: Va | undefined
  readonly userViews: Set<Va>
  /** Scatter/gather lists through which a device reaches the pages. */
  lists: number
}

/** The shadow records of the MDLs of a session. */
export class MdlLedger {
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

  add(mdl: Mdl, frames: Uint32Array): void {
    this.#shadows.set(mdl.address, { mdl, frames, systemView: undefined, userViews: new Set(), lists: 0 })
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
