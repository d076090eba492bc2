import type { Va } from '../../../../src/base/address.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'

/** What one page holds, by nobody's code but the test's. Two that show the same frame show the same object. */
export interface Page {
  readonly bytes: Uint8Array
}

export const newPages = (count: number): readonly Page[] =>
  Array.from({ length: count }, () => ({ bytes: new Uint8Array(4096) }))

/** Memory at an address. */
export interface Memory {
  readonly kind: 'user' | 'paged' | 'nonpaged'
  readonly address: Va
  readonly pages: readonly Page[]
}

/** A stretch of pages that somebody sees at an address. */
export interface View {
  readonly address: Va
  readonly pages: readonly Page[]
  /** Of the first byte, in the first page. */
  readonly offset: number
  readonly length: number
}

export type Protection = 'none' | 'read' | 'write'

/** An MDL, as the rules say that it is. */
export interface ModelMdl {
  readonly mdl: Mdl
  /** Where its pages come from. `part`: from another MDL. */
  readonly kind: 'pages' | 'header' | 'part'
  /** What a header was made for, and the first byte of it. */
  readonly over?: Memory
  readonly start: number
  /** Undefined while it describes none. */
  pages: readonly Page[] | undefined
  offset: number
  length: number
  locked: boolean
  nonpaged: boolean
  system: Va | undefined
  protection: Protection
  readonly users: Set<Va>
  /** Of a part: the MDL whose pages it shows; whose system view it borrowed. */
  root: ModelMdl | undefined
  borrowed: boolean
  /** The pages that it was cut from are gone. */
  stale: boolean
}

/** All there is. */
export interface Model {
  readonly memory: Set<Memory>
  readonly mdls: Set<ModelMdl>
}

export const partsOf = ({ mdls }: Model, root: ModelMdl): readonly ModelMdl[] =>
  [...mdls].filter((one) => one.root === root)

export const isMapped = ({ system, users }: ModelMdl): boolean => system !== undefined || users.size > 0

/** Every view that bytes can be read through. */
export function readable({ memory, mdls }: Model): readonly View[] {
  const own = [...memory].map(({ address, pages }) => ({ address, pages, offset: 0, length: pages.length * 4096 }))
  return [...own, ...[...mdls].flatMap((one) => viewsOf(one, ({ protection }) => protection !== 'none'))]
}

export function writable({ memory, mdls }: Model): readonly View[] {
  const own = [...memory].map(({ address, pages }) => ({ address, pages, offset: 0, length: pages.length * 4096 }))
  return [...own, ...[...mdls].flatMap((one) => viewsOf(one, ({ protection }) => protection === 'write'))]
}

function viewsOf(one: ModelMdl, system: (one: ModelMdl) => boolean): readonly View[] {
  const { pages = [], offset, length } = one
  const addresses = [...one.users, ...(one.system !== undefined && system(one) ? [one.system] : [])]
  return addresses.map((address) => ({ address, pages, offset, length }))
}

/** What a view must show. */
export function contentOf({ pages, offset, length }: View): Uint8Array {
  return Buffer.concat(pages.map(({ bytes }) => bytes)).subarray(offset, offset + length)
}

/** What a store through a view does. */
export function store({ pages, offset }: View, at: number, bytes: Uint8Array): void {
  bytes.forEach((byte, i) => {
    const position = offset + at + i
    const page = pages[Math.floor(position / 4096)]
    if (page !== undefined) page.bytes[position % 4096] = byte
  })
}

/** Pages that something keeps: memory, allocated pages, and what is locked. */
export function livePages({ memory, mdls }: Model): Set<Page> {
  const live = new Set([...memory].flatMap(({ pages }) => pages))
  for (const one of mdls) {
    if (one.kind === 'pages' || one.locked) for (const page of one.pages ?? []) live.add(page)
  }
  return live
}

/** How many MDLs lock each page. */
export function locksIn({ mdls }: Model): ReadonlyMap<Page, number> {
  const locks = new Map<Page, number>()
  for (const { kind, locked, pages = [] } of mdls) {
    if (kind === 'header' && locked) for (const page of pages) locks.set(page, (locks.get(page) ?? 0) + 1)
  }
  return locks
}
