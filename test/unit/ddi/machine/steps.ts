import { KPROCESSOR_MODE, PAGE_PROTECTION } from '../../../../src/ddi/constants.ts'
import { MmGetMdlVirtualAddress } from '../../../../src/ddi/mm/mdl.ts'
import { orderPattern } from '../../../../src/memory/patterns.ts'
import { NormalPagePriority } from '../bench.ts'
import {
  type Memory,
  type Model,
  type ModelMdl,
  type Protection,
  isMapped,
  livePages,
  locksIn,
  newPages,
  partsOf,
  store,
  writable,
} from './model.ts'
import { type System, allocateMemory, allocatePages, freeMemory, header, lock, map, must, plus } from './system.ts'

/** Three numbers that decide what a step does where it may choose. */
export type Choice = readonly [number, number, number]

/** Does one legal thing to both, or returns false where there is nothing to do it to. */
export type Step = (system: System, model: Model, choice: Choice) => boolean

const MOST_PAGES = 120
const { KernelMode, UserMode } = KPROCESSOR_MODE

const pick = <T>(list: readonly T[], choice: number): T | undefined => list[choice % Math.max(1, list.length)]

function pickMdl({ mdls }: Model, choice: number, legal: (one: ModelMdl) => boolean): ModelMdl | undefined {
  return pick([...mdls].filter(legal), choice)
}

const described = ({ pages, stale }: ModelMdl): boolean => pages !== undefined && !stale

const fresh = (mdl: ModelMdl['mdl'], kind: ModelMdl['kind'], rest: Partial<ModelMdl>): ModelMdl => ({
  mdl,
  kind,
  start: 0,
  pages: undefined,
  offset: 0,
  length: 0,
  locked: false,
  nonpaged: false,
  system: undefined,
  protection: 'write',
  users: new Set(),
  root: undefined,
  borrowed: false,
  stale: false,
  ...rest,
})

const newPagesMdl: Step = (system, model, [count]) => {
  if (livePages(model).size > MOST_PAGES) return false
  const pages = newPages(1 + (count % 4))
  const mdl = allocatePages(system, pages.length)
  model.mdls.add(fresh(mdl, 'pages', { pages, length: pages.length * 4096, locked: true }))
  return true
}

const newMemory: Step = (system, model, [count, type]) => {
  if (livePages(model).size > MOST_PAGES) return false
  const kind = pick(['user', 'paged', 'nonpaged'] as const, type) ?? 'user'
  const pages = newPages(1 + (count % 4))
  model.memory.add({ kind, address: allocateMemory(system, kind, pages.length), pages })
  return true
}

const newHeader: Step = (system, model, [which, from, to]) => {
  const over = pick([...model.memory], which)
  if (over === undefined) return false
  const start = from % (over.pages.length * 4096)
  const length = 1 + (to % (over.pages.length * 4096 - start))
  const mdl = header(system, plus(over.address, start), length)
  model.mdls.add(fresh(mdl, 'header', { over, start, length }))
  return true
}

/** The pages of the memory that a header was made for. */
function describe(one: ModelMdl, over: Memory): void {
  const first = Math.floor(one.start / 4096)
  one.pages = over.pages.slice(first, Math.floor((one.start + one.length - 1) / 4096) + 1)
  one.offset = one.start % 4096
}

const lockPages: Step = (system, model, [which]) => {
  const one = pickMdl(
    model,
    which,
    ({ kind, pages, over }) => kind === 'header' && !pages && over !== undefined && model.memory.has(over),
  )
  if (one?.over === undefined) return false
  lock(system, one.mdl, one.over.kind === 'user')
  describe(one, one.over)
  one.locked = true
  return true
}

const buildNonPaged: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, ({ pages, over }) => !pages && over?.kind === 'nonpaged' && model.memory.has(over))
  if (one?.over === undefined) return false
  ddi.mm.MmBuildMdlForNonPagedPool(one.mdl)
  describe(one, one.over)
  one.nonpaged = true
  return true
}

const mapSystem: Step = (system, model, [which]) => {
  const one = pickMdl(
    model,
    which,
    (mdl) => described(mdl) && mdl.system === undefined && !mdl.nonpaged && !mdl.borrowed,
  )
  if (one === undefined) return false
  one.system = map(system, one.mdl, KernelMode)
  one.protection = 'write'
  return true
}

const mapUser: Step = (system, model, [which]) => {
  const one = pickMdl(model, which, (mdl) => described(mdl) && mdl.users.size < 2)
  if (one === undefined) return false
  one.users.add(map(system, one.mdl, UserMode))
  return true
}

const unmapSystem: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, ({ kind, system }) => kind !== 'part' && system !== undefined)
  if (one?.system === undefined || partsOf(model, one).some(({ borrowed }) => borrowed)) return false
  ddi.mm.MmUnmapLockedPages(one.system, one.mdl)
  one.system = undefined
  return true
}

const unmapUser: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, ({ users }) => users.size > 0)
  const [view] = one?.users ?? []
  if (one === undefined || view === undefined) return false
  ddi.mm.MmUnmapLockedPages(view, one.mdl)
  one.users.delete(view)
  return true
}

/** Builds a part anew, or into a target that was a part before. */
const cut: Step = ({ ddi, ...system }, model, [which, from, to]) => {
  const source = pickMdl(model, which, (one) => described(one))
  if (source?.pages === undefined) return false
  const start = from % source.length
  const length = 1 + (to % (source.length - start))
  const position = plus(MmGetMdlVirtualAddress(source.mdl), start)
  const mdl = header({ ddi, ...system }, position, length)
  ddi.io.IoBuildPartialMdl(source.mdl, mdl, position, to % 5 === 0 && start + length === source.length ? 0 : length)
  const first = Math.floor((source.offset + start) / 4096)
  const pages = source.pages.slice(first, Math.floor((source.offset + start + length - 1) / 4096) + 1)
  const borrowed = source.system !== undefined || source.borrowed
  const root = source.root ?? source
  model.mdls.add(
    fresh(mdl, 'part', {
      pages,
      length,
      offset: (source.offset + start) % 4096,
      root,
      borrowed,
      nonpaged: source.nonpaged,
    }),
  )
  return true
}

const systemAddress: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, (mdl) => described(mdl) && !mdl.borrowed)
  if (one === undefined) return false
  const address = must(ddi.mm.MmGetSystemAddressForMdlSafe(one.mdl, NormalPagePriority))
  if (one.nonpaged) return true
  if (one.system !== undefined && one.system !== address) throw new Error('the system address has changed')
  if (one.system === undefined) one.protection = 'write'
  one.system = address
  return true
}

const prepare: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, ({ kind }) => kind === 'part')
  if (one === undefined || [...model.mdls].some((other) => other.borrowed && other.root === one.root)) return false
  ddi.mm.MmPrepareMdlForReuse(one.mdl)
  one.system = undefined
  return true
}

const write: Step = ({ kernel }, model, [which, from, salt]) => {
  const view = pick(writable(model), which)
  if (view === undefined) return false
  const at = from % view.length
  const bytes = orderPattern(Math.min(view.length - at, 300), salt % 251)
  kernel.memory.write(plus(view.address, at), bytes)
  store(view, at, bytes)
  return true
}

const protect: Step = ({ ddi }, model, [which, value]) => {
  const one = pickMdl(model, which, ({ system, borrowed, nonpaged }) => system !== undefined && !borrowed && !nonpaged)
  if (one === undefined) return false
  const names: readonly (readonly [Protection, number])[] = [
    ['none', PAGE_PROTECTION.PAGE_NOACCESS],
    ['read', PAGE_PROTECTION.PAGE_READONLY],
    ['write', PAGE_PROTECTION.PAGE_READWRITE],
  ]
  const [protection, code] = pick(names, value) ?? ['write', PAGE_PROTECTION.PAGE_READWRITE]
  if (ddi.mm.MmProtectMdlSystemAddress(one.mdl, code) !== 0) throw new Error('a mapped MDL is not protected')
  one.protection = protection
  return true
}

/** Its pages are about to go, and no part of it is in use. */
const releasable = (model: Model, one: ModelMdl): boolean =>
  one.users.size === 0 && !partsOf(model, one).some((part) => isMapped(part) || (part.borrowed && !part.stale))

function goStale(model: Model, root: ModelMdl): void {
  for (const part of partsOf(model, root)) {
    part.stale = true
    part.borrowed = false
  }
}

const unlock: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, (mdl) => mdl.kind === 'header' && mdl.locked && releasable(model, mdl))
  if (one === undefined) return false
  ddi.mm.MmUnlockPages(one.mdl)
  Object.assign(one, { locked: false, system: undefined, pages: undefined })
  goStale(model, one)
  return true
}

const freePages: Step = ({ ddi }, model, [which]) => {
  const one = pickMdl(model, which, (mdl) => mdl.kind === 'pages' && releasable(model, mdl))
  if (one === undefined) return false
  ddi.mm.MmFreePagesFromMdl(one.mdl)
  ddi.mm.ExFreePool(one.mdl)
  goStale(model, one)
  model.mdls.delete(one)
  return true
}

const freeHeader: Step = ({ ddi }, model, [which]) => {
  const free = (mdl: ModelMdl): boolean => {
    const part = mdl.kind === 'part' && mdl.users.size === 0
    const plain = mdl.kind === 'header' && !mdl.locked && !isMapped(mdl) && partsOf(model, mdl).length === 0
    return plain || (part && !lends(model, mdl))
  }
  const one = pickMdl(model, which, free)
  if (one === undefined) return false
  ddi.io.IoFreeMdl(one.mdl)
  model.mdls.delete(one)
  return true
}

/** Some part may have the view of this one. */
const lends = ({ mdls }: Model, one: ModelMdl): boolean =>
  one.system !== undefined && [...mdls].some((other) => other.borrowed && other.root === one.root)

const freeTheMemory: Step = (system, model, [which]) => {
  const inUse = (memory: Memory): boolean =>
    [...model.mdls].some((one) => one.over === memory && (one.nonpaged || (one.locked && memory.kind !== 'user')))
  const memory = pick(
    [...model.memory].filter((one) => !inUse(one)),
    which,
  )
  if (memory === undefined) return false
  freeMemory(system, memory)
  model.memory.delete(memory)
  return true
}

const trim: Step = ({ kernel }, model) => {
  const movable = [...model.memory].filter(({ kind }) => kind !== 'nonpaged').flatMap(({ pages }) => pages)
  const locks = locksIn(model)
  const expected = movable.filter((page) => !locks.has(page)).length
  const moved = kernel.virtual.trim()
  if (moved !== expected) throw new Error(`the pager moved ${moved} pages, and not ${expected}`)
  return true
}

/** Often what does something, rarely what ends it. */
const WEIGHTS: readonly (readonly [Step, number])[] = [
  [newPagesMdl, 1],
  [newMemory, 2],
  [newHeader, 2],
  [lockPages, 2],
  [buildNonPaged, 1],
  [mapSystem, 2],
  [mapUser, 1],
  [cut, 2],
  [systemAddress, 1],
  [write, 4],
  [protect, 1],
  [trim, 1],
  [unmapSystem, 1],
  [unmapUser, 2],
  [prepare, 1],
  [unlock, 1],
  [freePages, 1],
  [freeHeader, 2],
  [freeTheMemory, 1],
]

export const steps: readonly Step[] = WEIGHTS.flatMap(([step, weight]) => Array.from({ length: weight }, () => step))

/** What takes everything back, in an order that always gets there. */
export const ending: readonly Step[] = [unmapUser, freeHeader, unmapSystem, unlock, freePages, freeTheMemory]
