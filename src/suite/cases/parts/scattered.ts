import { type PhysicalAddress, physicalAddress } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { MM_ALLOCATE } from '../../../ddi/constants.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import { GUARD_BYTE } from '../../../memory/patterns.ts'
import type { Context } from '../../context.ts'
import { MmCached, allocate, mapSystem, release } from './buffers.ts'

const PAGE = BigInt(PAGE_SIZE)

/** Scattered pages, each between two guard pages of ours in physical memory (HC-1). */
export interface GuardedPages {
  readonly payload: Mdl
  /** Nothing but guard bytes are left in the pages between. @throws RuleBroken */
  checkGuards(): void
  release(): void
}

/**
 * Every second page of a stretch, by windows of one page that slide by two (MDL-110): `pages` of payload between
 * `pages + 1` of guard.
 */
export function allocateGuarded(context: Context, pages: number): GuardedPages {
  const start = findStretch(context, 2 * pages + 1)
  const everySecond = (first: PhysicalAddress, count: number): Mdl =>
    allocate(context, count * PAGE_SIZE, {
      low: first,
      high: physicalAddress(first + PAGE - 1n),
      skip: physicalAddress(2n * PAGE),
      flags: MM_ALLOCATE.MM_ALLOCATE_FULLY_REQUIRED,
    })
  const guard = everySecond(start, pages + 1)
  const payload = everySecond(physicalAddress(start + PAGE), pages)
  const view = mapSystem(context, guard)
  const size = (pages + 1) * PAGE_SIZE
  context.kernel.memory.fill(view, size, GUARD_BYTE)
  return {
    payload,
    checkGuards: () => context.check.filled(context.kernel.memory.read(view, size), GUARD_BYTE, 'the pages between'),
    release: () => {
      release(context, payload)
      release(context, guard)
    },
  }
}

/** Pages beside others in physical memory, where they can be had; the pool and the engine have some of them. */
export interface Neighbours {
  /** They hold nothing but guard bytes. @throws RuleBroken */
  check(): void
  release(): void
}

/** Guards the pages in front of and behind each page of an MDL, as far as they are free (HC-1). */
export function guardNeighbours(context: Context, mdl: Mdl): Neighbours {
  const { check, ddi, kernel } = context
  const beside = new Set([...MmGetMdlPfnArray(mdl)].flatMap((pfn) => [pfn - 1n, pfn + 1n]))
  const guards = [...beside].flatMap((pfn) => {
    const at = physicalAddress(pfn * PAGE)
    const guard = ddi.mm.MmAllocatePagesForMdlEx(at, at, physicalAddress(0n), PAGE_SIZE, MmCached, 0)
    return guard === null ? [] : [{ guard, view: mapSystem(context, guard) }]
  })
  check.ok(guards.length > 0, 'a page beside the buffer can be had')
  for (const { view } of guards) kernel.memory.fill(view, PAGE_SIZE, GUARD_BYTE)
  return {
    check: () => {
      for (const { view } of guards) check.filled(kernel.memory.read(view, PAGE_SIZE), GUARD_BYTE, 'a page beside')
    },
    release: () => {
      for (const { guard } of guards) release(context, guard)
    },
  }
}

/** Tries for frames of which no two are adjacent; each takes others, because the ones before are kept meanwhile. */
const ATTEMPTS = 30

/** Pages of a routine that chooses them itself, of which no two are adjacent: fragments in earnest. */
export function allocateScattered({ check }: Context, take: () => Mdl | null, giveBack: (mdl: Mdl) => void): Mdl {
  const others: Mdl[] = []
  let found: Mdl | undefined
  while (found === undefined && others.length < ATTEMPTS) {
    const mdl = check.present(take(), 'pages')
    if (isScattered(mdl)) found = mdl
    else others.push(mdl)
  }
  for (const mdl of others) giveBack(mdl)
  return check.present(found, `pages of which no two are adjacent, within ${ATTEMPTS} attempts`)
}

function isScattered(mdl: Mdl): boolean {
  const pfns = MmGetMdlPfnArray(mdl)
  return pfns.every((pfn) => !pfns.includes(pfn + 1n))
}

/** The address of adjacent free pages: allocated together, and given back at once. */
function findStretch(context: Context, pages: number): PhysicalAddress {
  const flags = MM_ALLOCATE.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS
  const mdl = allocate(context, pages * PAGE_SIZE, { flags })
  const first = MmGetMdlPfnArray(mdl)[0] ?? 0n
  release(context, mdl)
  return physicalAddress(first * PAGE)
}
