import type { AddressSpace } from '../../memory/address-space.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { KIRQL } from '../constants.ts'
import { Ledger } from './ledger.ts'
import { Pool } from './pool.ts'
import { Shortages } from './shortages.ts'

export interface KernelParts {
  readonly frames: FrameStore
  readonly space: AddressSpace
  /** Pages of nonpaged pool. */
  readonly poolPages: number
}

/**
 * The Windows around the DDIs: what all families share. It imports none of them, so that no object knows everything.
 */
export class Kernel {
  readonly frames: FrameStore
  /** What is mapped where; the only way to reach memory by an address. */
  readonly memory: AddressSpace
  readonly pool: Pool
  readonly ledger: Ledger = new Ledger()
  readonly shortages: Shortages = new Shortages()
  #irql: KIRQL = KIRQL.PASSIVE_LEVEL

  constructor({ frames, space, poolPages }: KernelParts) {
    this.frames = frames
    this.memory = space
    this.pool = new Pool(frames, poolPages)
  }

  KeGetCurrentIrql(): KIRQL {
    return this.#irql
  }

  /** Returns the old level. @throws BugCheck IRQL_NOT_GREATER_OR_EQUAL when the new one is lower */
  KeRaiseIrql(newIrql: KIRQL): KIRQL {
    if (newIrql < this.#irql) this.#wrongIrql('KeRaiseIrql', 0x9, `raises from ${this.#irql} to ${newIrql}`)
    const old = this.#irql
    this.#irql = newIrql
    return old
  }

  /** @throws BugCheck IRQL_NOT_LESS_OR_EQUAL when the new level is higher */
  KeLowerIrql(newIrql: KIRQL): void {
    if (newIrql > this.#irql) this.#wrongIrql('KeLowerIrql', 0xa, `lowers from ${this.#irql} to ${newIrql}`)
    this.#irql = newIrql
  }

  /** Runs `act` at a level and comes back, whatever happens. */
  at<T>(irql: KIRQL, act: () => T): T {
    const old = this.KeRaiseIrql(irql)
    try {
      return act()
    } finally {
      this.KeLowerIrql(old)
    }
  }

  /** @throws CallerError naming the rule when the current level is above `highest` or below `lowest` */
  requireIrql(routine: string, rule: string, highest: KIRQL, lowest: KIRQL = KIRQL.PASSIVE_LEVEL): void {
    if (this.#irql >= lowest && this.#irql <= highest) return
    const allowed = lowest === highest ? `${highest}` : `${lowest} to ${highest}`
    this.ledger.raise({ rule, routine, text: `called at IRQL ${this.#irql}, allowed is ${allowed}` })
  }

  #wrongIrql(routine: string, code: number, text: string): never {
    this.ledger.raise({ rule: 'VER-009', routine, text, bugCheck: { code, parameter: 0 } })
  }
}
