import { MdlFlags } from '../../../../src/ddi/constants.ts'
import { MmGetMdlByteCount, MmGetMdlByteOffset, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { type Model, type ModelMdl, type Page, contentOf, livePages, locksIn, readable } from './model.ts'
import { type Choice, ending, steps } from './steps.ts'
import type { System } from './system.ts'

const { MDL_MAPPED_TO_SYSTEM_VA, MDL_PAGES_LOCKED, MDL_PARTIAL, MDL_PARTIAL_HAS_BEEN_MAPPED } = MdlFlags

/** The system and what it should be, side by side. Whatever differs throws. */
export class Machine {
  /** Steps that did something. */
  taken = 0
  readonly #system: System
  readonly #model: Model = { memory: new Set(), mdls: new Set() }
  readonly #before: Counts

  constructor(system: System) {
    this.#system = system
    this.#before = countsOf(system)
  }

  step(which: number, choice: Choice): void {
    const act = steps[which % steps.length]
    if (act?.(this.#system, this.#model, choice) !== true) return
    this.taken++
    this.#compare(choice[2])
  }

  /** Everything is given back; nothing of it may be left. */
  end(): void {
    let busy = true
    while (busy) {
      busy = ending.some((act) => act(this.#system, this.#model, [0, 0, 0]))
      if (busy) this.#compare(0)
    }
    if (this.#model.mdls.size + this.#model.memory.size > 0) throw new Error('the model does not end')
  }

  #compare(which: number): void {
    const { memory, mdls } = this.#model
    const views = [...mdls].reduce(
      (sum, { system, users }) => sum + users.size + Number(system !== undefined),
      memory.size,
    )
    const expected = {
      blocks: this.#before.blocks + mdls.size,
      frames: this.#before.frames + livePages(this.#model).size,
      views: this.#before.views + views,
    }
    same('counts', countsOf(this.#system), expected)
    const locks = locksIn(this.#model)
    for (const one of mdls) this.#compareMdl(one, locks)
    const all = readable(this.#model)
    const view = all[which % Math.max(1, all.length)]
    if (view === undefined) return
    same('first byte that differs', this.#system.kernel.memory.compare(view.address, contentOf(view)), -1)
  }

  #compareMdl(one: ModelMdl, locks: ReadonlyMap<Page, number>): void {
    const { mdl, kind, length, pages, system, borrowed, stale } = one
    same('ByteCount', MmGetMdlByteCount(mdl), length)
    same('PARTIAL', mdl.has(MDL_PARTIAL), kind === 'part')
    if (stale) return
    same('MAPPED_TO_SYSTEM_VA', mdl.has(MDL_MAPPED_TO_SYSTEM_VA), system !== undefined || borrowed)
    same('PARTIAL_HAS_BEEN_MAPPED', mdl.has(MDL_PARTIAL_HAS_BEEN_MAPPED), kind === 'part' && system !== undefined)
    same('PAGES_LOCKED', mdl.has(MDL_PAGES_LOCKED), one.locked)
    if (system !== undefined) same('MappedSystemVa', mdl.header.get('MappedSystemVa'), system)
    if (pages === undefined) return
    same('ByteOffset', MmGetMdlByteOffset(mdl), one.offset)
    const { kernel } = this.#system
    const frames = Array.from(MmGetMdlPfnArray(mdl), (pfn) => kernel.frames.indexOf(Number(pfn)) ?? -1)
    const expected = pages.map((page) => locks.get(page) ?? 0)
    same('locks', frames.map((frame) => kernel.locks.count(frame)).join(), expected.join())
  }
}

interface Counts {
  readonly blocks: number
  readonly frames: number
  readonly views: number
}

const countsOf = ({ kernel: { frames, memory, pool } }: System): Counts => ({
  blocks: pool.blocks,
  frames: frames.allocated,
  views: memory.views,
})

function same(what: string, actual: unknown, expected: unknown): void {
  if (actual === expected) return
  const [one, other] = [actual, expected].map((value) =>
    typeof value === 'bigint' ? String(value) : JSON.stringify(value),
  )
  if (one !== other) throw new Error(`${what}: ${one}, and not ${other}`)
}
