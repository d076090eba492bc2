import type { Va } from '../../base/address.ts'
import { finish, runAll } from '../../base/disposal.ts'
import type { AddressSpace } from '../../memory/address-space.ts'
import type { FrameStore } from '../../memory/frame-store.ts'
import { KIRQL, type Out } from '../constants.ts'
import { DriverPool } from './driver-pool.ts'
import { FrameLocks } from './frame-locks.ts'
import { Ledger } from './ledger.ts'
import { LowResources } from './low-resources.ts'
import { Pool } from './pool.ts'
import { type Process, Processes } from './processes.ts'
import { Shortages } from './shortages.ts'
import { type Translation, translate } from './translation.ts'
import { UnwrittenPages } from './unwritten-pages.ts'
import { VirtualMemory } from './virtual-memory.ts'

export interface KernelParts {
  readonly frames: FrameStore
  readonly space: AddressSpace
  /** Pages of nonpaged pool for structures. */
  readonly poolPages: number
}

/** x64 has levels 0 to 15. */
const LEVELS: ReadonlySet<number> = new Set(Array.from({ length: KIRQL.HIGH_LEVEL + 1 }, (_, level) => level))

/** The highest level for a routine of which the Driver Verifier watches the level. */
export interface VerifiedIrql {
  readonly rule: string
  readonly highest: KIRQL
  /** Parameter 1 of bug check 0xC4 (VER-013). */
  readonly code: number
}

/**
 * The Windows around the DDIs: what all families share. It imports none of them, so that no object knows everything.
 */
export class Kernel {
  readonly frames: FrameStore
  /** What is mapped where; the only way to reach memory by an address. */
  readonly memory: AddressSpace
  /** Structures that the DDIs hand out. */
  readonly pool: Pool
  readonly ledger: Ledger = new Ledger()
  readonly shortages: Shortages = new Shortages()
  readonly lowResources: LowResources = new LowResources()
  readonly locks: FrameLocks
  readonly unwritten: UnwrittenPages
  /** Memory of drivers and processes, and the pager. */
  readonly virtual: VirtualMemory
  /** Drivers' buffers. */
  readonly driverPool: DriverPool
  readonly processes: Processes
  #irql: KIRQL = KIRQL.PASSIVE_LEVEL

  constructor({ frames, space, poolPages }: KernelParts) {
    this.frames = frames
    this.memory = space
    this.pool = new Pool(frames, poolPages)
    this.locks = new FrameLocks(frames)
    this.unwritten = new UnwrittenPages(frames, this.lowResources)
    const { memory, unwritten, locks, ledger } = this
    this.virtual = new VirtualMemory({ frames, memory, locks, unwritten })
    this.driverPool = new DriverPool({ virtual: this.virtual, memory, unwritten })
    this.processes = new Processes({ virtual: this.virtual, memory, unwritten, ledger })
  }

  KeGetCurrentIrql(): KIRQL {
    return this.#irql
  }

  /** Returns the old level. @throws BugCheck IRQL_NOT_GREATER_OR_EQUAL when the new one is lower, or none */
  KeRaiseIrql(newIrql: KIRQL): KIRQL {
    if (!(newIrql >= this.#irql && LEVELS.has(newIrql)))
      this.#wrongIrql('KeRaiseIrql', 0x9, `raises from ${this.#irql} to ${newIrql}`)
    const old = this.#irql
    this.#irql = newIrql
    return old
  }

  /** @throws BugCheck IRQL_NOT_LESS_OR_EQUAL when the new level is higher, or none */
  KeLowerIrql(newIrql: KIRQL): void {
    if (!(newIrql <= this.#irql && LEVELS.has(newIrql)))
      this.#wrongIrql('KeLowerIrql', 0xa, `lowers from ${this.#irql} to ${newIrql}`)
    this.#irql = newIrql
  }

  /** Runs `act` at a level and comes back, whatever happens. */
  at<T>(irql: KIRQL, act: () => T): T {
    const old = this.KeRaiseIrql(irql)
    return finish(act, () => this.KeLowerIrql(old))
  }

  /** Goes on in the context of a process: its user addresses are valid then, and no others. @param ApcState for detaching */
  KeStackAttachProcess(PROCESS: Process, ApcState: Out<Process>): void {
    this.requireIrql('KeStackAttachProcess', 'MDL-085', KIRQL.APC_LEVEL)
    const before = this.processes.current
    this.processes.attach('KeStackAttachProcess', PROCESS)
    ApcState.value = before
  }

  /** Comes back from the context that was entered last. @param ApcState of that attachment */
  KeUnstackDetachProcess(ApcState: Out<Process>): void {
    this.requireIrql('KeUnstackDetachProcess', 'MDL-085', KIRQL.APC_LEVEL)
    this.processes.detach('KeUnstackDetachProcess', ApcState.value)
  }

  /** Runs `act` in the context of a process and comes back, whatever happens. */
  in<T>(process: Process, act: () => T): T {
    return this.processes.within('KeStackAttachProcess', process, act)
  }

  /** What lies at an address in the current context. @param pages from the one on that holds it */
  translate(address: Va, pages: number): Translation {
    return translate(this, address, pages)
  }

  /** @throws CallerError naming the rule when the current level is above `highest` or below `lowest` */
  requireIrql(routine: string, rule: string, highest: KIRQL, lowest: KIRQL = KIRQL.PASSIVE_LEVEL): void {
    if (this.#irql >= lowest && this.#irql <= highest) return
    const allowed = lowest === highest ? `${highest}` : `${lowest} to ${highest}`
    this.ledger.raise({ rule, routine, text: `called at IRQL ${this.#irql}, allowed is ${allowed}` })
  }

  /** @throws BugCheck 0xC4 with the code when the current level is above `highest` */
  verifyIrql(routine: string, { rule, highest, code }: VerifiedIrql): void {
    if (this.#irql <= highest) return
    const text = `called at IRQL ${this.#irql}, allowed is 0 to ${highest}`
    this.ledger.raise({ rule, routine, text, bugCheck: { code: 0xc4, parameter: code } })
  }

  /** Takes back what is left, and writes down what a driver should have given back. */
  close(): void {
    if (this.#irql !== KIRQL.PASSIVE_LEVEL) {
      const text = `the level was left at ${this.#irql}`
      this.ledger.note({ rule: 'VER-013', routine: 'close', text })
    }
    if (this.processes.attached > 0) {
      const text = 'the thread is still attached to another process'
      this.ledger.note({ rule: 'MDL-085', routine: 'close', text, bugCheck: { code: 0x5, parameter: 0 } })
    }
    for (const { address, size } of this.driverPool.blocks) {
      const text = `a pool block of ${size} bytes at ${address.toString(16)} was never freed`
      this.ledger.note({ rule: 'VER-011', routine: 'close', text, bugCheck: { code: 0xc4, parameter: 0x62 } })
    }
    this.#irql = KIRQL.PASSIVE_LEVEL
    runAll([() => this.driverPool.close(), () => this.processes.close(), () => this.pool.close()])
  }

  #wrongIrql(routine: string, code: number, text: string): never {
    this.ledger.raise({ rule: 'VER-009', routine, text, bugCheck: { code, parameter: 0 } })
  }
}
