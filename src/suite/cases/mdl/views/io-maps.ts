import { physicalAddress } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { KIRQL } from '../../../../ddi/constants.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import { MmCached, MmNonCached, allocate, mapSystem, release } from '../../parts/buffers.ts'
import { lockedUser, plus, unlockAndFree, userMemory } from '../../parts/driver-memory.ts'

const OFFSET = 0x234
const LENGTH = 200

/** The physical address of byte `offset` of the first page of an MDL. */
const physical = (mdl: Mdl, offset = 0) =>
  physicalAddress((MmGetMdlPfnArray(mdl)[0] ?? 0n) * BigInt(PAGE_SIZE) + BigInt(offset))

export const ioMapCases: readonly Case[] = [
  {
    id: 'mdl/io-mapping-needs-locked-pages',
    title: 'MmMapIoSpace shows RAM that is locked or allocated, at its offset; over other RAM it is 0xC4/0x83',
    rules: ['DXM-030', 'VER-011/0x83'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const user = userMemory(context, PAGE_SIZE)
      const pattern = orderPattern(LENGTH, 37)
      kernel.memory.write(plus(user, OFFSET), pattern)
      const mdl = lockedUser(context, user, PAGE_SIZE)
      const at = physical(mdl, OFFSET)
      const mapped = ddi.mm.MmMapIoSpace(at, LENGTH, MmCached)
      const view = check.present(mapped, 'a mapping of locked pages')
      check.equal(view % BigInt(PAGE_SIZE), BigInt(OFFSET), 'offset within the page')
      check.bytes(kernel.memory.read(view, LENGTH), pattern, 'what the mapping shows')
      ddi.mm.MmUnmapIoSpace(view, LENGTH)
      check.refused('access-violation', 'a load after unmapping', () => kernel.memory.touch(view))
      unlockAndFree(context, mdl)
      const map = (): unknown => ddi.mm.MmMapIoSpace(at, LENGTH, MmCached)
      check.bugCheck(0xc4, 0x83, 'mapping pages that were unlocked', map)
      check.callerError('DXM-030', 'mapping no byte', () => ddi.mm.MmMapIoSpace(at, 0, MmCached))
    },
  },
  {
    id: 'mdl/io-mapping-keeps-to-one-caching-type',
    title:
      'MmMapIoSpace gives NULL for pages that are mapped with another caching type, and a mapping once they are not',
    rules: ['MDL-082', 'DXM-030'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, PAGE_SIZE)
      const system = mapSystem(context, mdl)
      const at = physical(mdl)
      check.absent(ddi.mm.MmMapIoSpace(at, PAGE_SIZE, MmNonCached), 'another type while the pages are mapped')
      ddi.mm.MmUnmapLockedPages(system, mdl)
      const mapped = kernel.at(KIRQL.DISPATCH_LEVEL, () => ddi.mm.MmMapIoSpace(at, PAGE_SIZE, MmNonCached))
      const view = check.present(mapped, 'a mapping of allocated pages')
      ddi.mm.MmUnmapIoSpace(view, PAGE_SIZE)
      release(context, mdl)
    },
  },
]
