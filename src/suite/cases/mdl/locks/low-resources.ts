import { physicalAddress } from '../../../../base/address.ts'
import { NtStatusError } from '../../../../base/errors.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MM_ALLOCATE } from '../../../../ddi/constants.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../ddi/mm/mdl.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  ANYWHERE,
  KernelMode,
  MmCached,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  ZERO,
  allocate,
  mapSystem,
  release,
  spoilFreePages,
} from '../../parts/buffers.ts'
import { IoWriteAccess, POOL_FLAG_NON_PAGED, mdlOver } from '../../parts/driver-memory.ts'

/** What a driver has so far, and how it gives that back, the last thing first. */
interface Driver {
  pages?: Mdl
  readonly undo: (() => void)[]
}

interface Step {
  readonly routine: string
  /** What it does when it runs short (MDL-020, MDL-051, MDL-075, MDL-077, MDL-086, MDL-112, DXM-030). */
  readonly fails: 'NULL' | 'raised'
  readonly take: (context: Context, driver: Driver) => unknown
}

const STEPS: readonly Step[] = [
  {
    routine: 'ExAllocatePool2',
    fails: 'NULL',
    take: ({ ddi }, { undo }) => {
      const block = ddi.mm.ExAllocatePool2(POOL_FLAG_NON_PAGED, PAGE_SIZE, 1)
      if (block !== null) undo.push(() => ddi.mm.ExFreePoolWithTag(block, 1))
      return block
    },
  },
  {
    routine: 'MmAllocatePagesForMdlEx',
    fails: 'NULL',
    take: (context, driver) => {
      const mdl = context.ddi.mm.MmAllocatePagesForMdlEx(ZERO, ANYWHERE, ZERO, PAGE_SIZE, MmCached, 0)
      if (mdl === null) return null
      driver.pages = mdl
      driver.undo.push(() => release(context, mdl))
      return mdl
    },
  },
  {
    routine: 'IoAllocateMdl',
    fails: 'NULL',
    take: ({ ddi }, { undo }) => {
      const mdl = ddi.io.IoAllocateMdl(NO_ADDRESS, 1, false, false, null)
      if (mdl !== null) undo.push(() => ddi.io.IoFreeMdl(mdl))
      return mdl
    },
  },
  {
    routine: 'MmMapIoSpace',
    fails: 'NULL',
    take: (context, driver) => {
      const [first = 0n] = MmGetMdlPfnArray(pagesOf(context, driver))
      const at = physicalAddress(first * BigInt(PAGE_SIZE))
      const view = context.ddi.mm.MmMapIoSpace(at, PAGE_SIZE, MmCached)
      if (view !== null) context.ddi.mm.MmUnmapIoSpace(view, PAGE_SIZE)
      return view
    },
  },
  {
    routine: 'MmMapLockedPagesSpecifyCache, KernelMode',
    fails: 'NULL',
    take: (context, driver) => {
      const view = map(context, driver, KernelMode)
      if (view !== null) context.ddi.mm.MmUnmapLockedPages(view, pagesOf(context, driver))
      return view
    },
  },
  {
    routine: 'MmGetSystemAddressForMdlSafe',
    fails: 'NULL',
    take: (context, driver) =>
      context.ddi.mm.MmGetSystemAddressForMdlSafe(pagesOf(context, driver), NormalPagePriority),
  },
  {
    routine: 'MmMapLockedPagesSpecifyCache, UserMode',
    fails: 'raised',
    take: (context, driver) => {
      const view = map(context, driver, UserMode)
      if (view !== null) driver.undo.push(() => context.ddi.mm.MmUnmapLockedPages(view, pagesOf(context, driver)))
      return view
    },
  },
  {
    routine: 'MmProbeAndLockPages',
    fails: 'raised',
    take: (context, { undo }) => {
      const { ddi, kernel, check } = context
      const user = check.present(kernel.processes.allocate({ bytes: PAGE_SIZE }), 'user memory')
      undo.push(() => kernel.processes.free(user))
      const mdl = mdlOver(context, user, PAGE_SIZE)
      undo.push(() => ddi.mm.ExFreePool(mdl))
      ddi.mm.MmProbeAndLockPages(mdl, UserMode, IoWriteAccess)
      undo.push(() => ddi.mm.MmUnlockPages(mdl))
      return mdl
    },
  },
]

const pagesOf = ({ check }: Context, { pages }: Driver): Mdl => check.present(pages, 'the pages')

const map = (context: Context, driver: Driver, mode: number) =>
  context.ddi.mm.MmMapLockedPagesSpecifyCache(
    pagesOf(context, driver),
    mode,
    MmCached,
    NO_ADDRESS,
    false,
    NormalPagePriority,
  )

/** All steps, up to the first that fails: which, and how. Then everything is given back. */
function drive(context: Context): string {
  const driver: Driver = { undo: [] }
  let result = 'done'
  for (const { routine, take } of STEPS) {
    const sign = signOf(() => take(context, driver))
    if (sign !== 'done') result = `${routine}: ${sign}`
    if (sign !== 'done') break
  }
  for (const step of driver.undo.toReversed()) step()
  return result
}

function signOf(act: () => unknown): string {
  try {
    return act() === null ? 'NULL' : 'done'
  } catch (error) {
    if (error instanceof NtStatusError) return 'raised'
    throw error
  }
}

/** Frames, views and structures in use. */
const inUse = ({ frames, kernel }: Context): string =>
  [frames.allocated, kernel.memory.views, kernel.pool.blocks, kernel.driverPool.blocks.length].join()

/** More calls than there are in the steps. */
const MOST_CALLS = 20

export const lowResourcesCases: readonly Case[] = [
  {
    id: 'mdl/any-call-may-run-short',
    title: 'whichever call runs short fails as documented, by NULL or by raising, and nothing of it stays',
    rules: ['MDL-020', 'MDL-051', 'MDL-075', 'MDL-077', 'MDL-086', 'MDL-112', 'VER-014'],
    run: (context) => {
      const { check, kernel } = context
      const seen = new Set<string>()
      for (let call = 1; call <= MOST_CALLS; call++) {
        const before = inUse(context)
        kernel.lowResources.failCall(call)
        const result = drive(context)
        const { struck } = kernel.lowResources
        check.equal(result !== 'done', struck.length > 0, `call ${call} fails when it runs short`)
        kernel.lowResources.end()
        check.equal(inUse(context), before, `frames, views and blocks in use after call ${call} failed`)
        seen.add(result)
      }
      const expected = STEPS.map(({ routine, fails }) => `${routine}: ${fails}`)
      check.equal([...seen].join('; '), [...expected, 'done'].join('; '), 'what failed, and how')
    },
  },
  {
    id: 'mdl/unzeroed-pages-hold-a-pattern',
    title: 'while resources are low, pages that nobody zeroes hold a random pattern, and those that are zeroed zeros',
    rules: ['MDL-115', 'VER-014'],
    run: (context) => {
      const { check, kernel, random } = context
      const pages = 8
      spoilFreePages(context)
      kernel.lowResources.simulate({ percent: 0, random })
      const read = (flags: number): Uint8Array => {
        const mdl = allocate(context, pages * PAGE_SIZE, { flags })
        const bytes = kernel.memory.read(mapSystem(context, mdl), pages * PAGE_SIZE)
        release(context, mdl)
        return bytes
      }
      const first = read(MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION)
      check.ok(!first.includes(0), 'no byte of an unzeroed page is zero')
      const second = read(MM_ALLOCATE.MM_DONT_ZERO_ALLOCATION)
      check.ok(Buffer.compare(first, second) !== 0, 'the pattern is another one the next time')
      check.filled(read(0), 0, 'zeroed pages')
    },
  },
]
