import { type Va, va } from '../../base/address.ts'
import { finish, runAll } from '../../base/disposal.ts'
import { PAGE_SIZE, pagesIn } from '../../base/pages.ts'
import type { AddressSpace } from '../../memory/address-space.ts'
import type { MemoryView } from '../../memory/memory-view.ts'
import type { Protection } from '../../native/surface.ts'
import type { Ledger } from './ledger.ts'
import type { UnwrittenPages } from './unwritten-pages.ts'
import type { VirtualMemory } from './virtual-memory.ts'

/** A process, as a driver knows it. */
export interface Process {
  /** EPROCESS: opaque, nothing is mapped there. */
  readonly address: Va
}

/** What belongs to a process beside its address. */
interface Life {
  /** What lies in its user space, by first address, with what takes it away when the process ends. */
  readonly views: Map<Va, () => void>
  /** Pages that MmProbeAndLockPages locked for it. */
  lockedPages: number
}

export interface ProcessesParts {
  readonly memory: AddressSpace
  readonly virtual: VirtualMemory
  readonly unwritten: UnwrittenPages
  readonly ledger: Ledger
}

export interface UserMemory {
  readonly bytes: number
  readonly protection?: Protection
  /** The page-aligned address to take. */
  readonly at?: Va
}

const FIRST_EPROCESS = 0xffff_c000_0000_0000n

/**
 * The processes of a Windows. User memory and user views belong to the process in whose context they were made, and
 * nobody reaches them in that of another one. There is always one from the beginning: the driver's caller.
 */
export class Processes {
  readonly #parts: ProcessesParts
  readonly #lives = new Map<Process, Life>()
  readonly #attached: Process[] = []
  readonly #caller: Process
  #started = 0n

  constructor(parts: ProcessesParts) {
    this.#parts = parts
    this.#caller = this.start()
  }

  /** In whose context code runs. */
  get current(): Process {
    return this.#attached.at(-1) ?? this.#caller
  }

  /** Processes that have not ended. */
  get all(): readonly Process[] {
    return [...this.#lives.keys()]
  }

  /** Contexts that were entered and not left. */
  get attached(): number {
    return this.#attached.length
  }

  start(): Process {
    const process = { address: va(FIRST_EPROCESS + this.#started++ * BigInt(PAGE_SIZE)) }
    this.#lives.set(process, { views: new Map(), lockedPages: 0 })
    return process
  }

  /**
   * Ends a process: its user memory and views go.
   * @throws BugCheck 0x76/0 with locked pages (MDL-061); CallerError for the current one, or one that has ended
   */
  end(process: Process): void {
    const routine = 'end of a process'
    const ledger: Ledger = this.#parts.ledger
    const life = this.#lives.get(process)
    if (life === undefined) ledger.raise({ rule: 'MDL-085', routine, text: 'the process has ended before' })
    if (process === this.#caller || this.#attached.includes(process)) {
      ledger.raise({ rule: 'MDL-085', routine, text: 'a thread runs in its context' })
    }
    if (life.lockedPages > 0) {
      const bugCheck = { code: 0x76, parameter: 0 }
      ledger.raise({ rule: 'MDL-061', routine, text: `${life.lockedPages} pages are locked`, bugCheck })
    }
    this.#clear(process, life)
  }

  /** Enters the context of a process. @throws CallerError for one that has ended */
  attach(routine: string, process: Process): void {
    if (!this.#lives.has(process)) {
      this.#parts.ledger.raise({ rule: 'MDL-085', routine, text: 'the process has ended' })
    }
    this.#switch(() => this.#attached.push(process))
  }

  /** Leaves the context that was entered last. @throws CallerError when `before` is not the one that was current before */
  detach(routine: string, before: Process | undefined): void {
    if (this.#attached.length === 0 || before !== (this.#attached.at(-2) ?? this.#caller)) {
      this.#parts.ledger.raise({ rule: 'MDL-085', routine, text: 'the thread is not attached from that process' })
    }
    this.#switch(() => this.#attached.pop())
  }

  /** Runs `act` in the context of a process, whatever the level. */
  within<T>(routine: string, process: Process, act: () => T): T {
    const before = this.current
    this.attach(routine, process)
    return finish(act, () => this.detach(routine, before))
  }

  /**
   * User memory of the current process, zeroed.
   * @returns its first address, page aligned; undefined when there are not so many frames
   * @throws as VirtualMemory.allocate
   */
  allocate({ bytes, at, ...rest }: UserMemory): Va | undefined {
    const { virtual, unwritten } = this.#parts
    const block = virtual.allocate({ kind: 'user', pages: pagesIn(bytes), at, ...rest })
    if (block === undefined) return undefined
    unwritten.zero(block.frames)
    this.own(block.address, () => virtual.free(block))
    return block.address
  }

  /** Frees user memory. @throws CallerError when none of the current process begins there */
  free(address: Va): void {
    const block = this.#parts.virtual.at(address)
    if (block === undefined || this.ownerOf(address) !== this.current) {
      const routine = 'free of user memory'
      this.#parts.ledger.raise({ rule: 'MDL-085', routine, text: 'it is no memory of the current process' })
    }
    this.disown(address)
    this.#parts.virtual.free(block)
  }

  /** The view at this address is the current process' own from now on. @param end takes it away */
  own(address: Va, end: () => void): void {
    this.#lives.get(this.current)?.views.set(address, end)
  }

  disown(address: Va): void {
    for (const { views } of this.#lives.values()) views.delete(address)
  }

  /** Whose view begins at this address; undefined for one of nobody. */
  ownerOf(address: Va): Process | undefined {
    return [...this.#lives].find(([, { views }]) => views.has(address))?.[0]
  }

  countLocked(process: Process, pages: number): void {
    const life = this.#lives.get(process)
    if (life !== undefined) life.lockedPages += pages
  }

  /** Leaves every context and ends every process, whatever it has locked. */
  close(): void {
    while (this.#attached.length > 0) this.#switch(() => this.#attached.pop())
    runAll(
      [...this.#lives].map(
        ([process, life]) =>
          () =>
            this.#clear(process, life),
      ),
    )
  }

  #clear(process: Process, { views }: Life): void {
    this.#lives.delete(process)
    runAll([...views.values()])
    views.clear()
  }

  #switch(act: () => void): void {
    const before = this.current
    act()
    if (before === this.current) return
    for (const view of this.#viewsOf(before)) view.hide()
    for (const view of this.#viewsOf(this.current)) view.show()
  }

  /** Of memory: a view of a BAR cannot be hidden. */
  #viewsOf(process: Process): readonly MemoryView[] {
    const addresses = [...(this.#lives.get(process)?.views.keys() ?? [])]
    return addresses.flatMap((address) => {
      const placed = this.#parts.memory.find(address)?.placed
      return placed?.kind === 'memory' ? [placed.view] : []
    })
  }
}
