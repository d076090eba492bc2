import { type Va, va } from '../../../../base/address.ts'
import { NtStatus } from '../../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { type Mdl, MmGetMdlByteCount, MmGetMdlPfnArray, MmGetMdlVirtualAddress } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import { mapSystem } from '../../parts/buffers.ts'
import { lockedUser, plus, unlockAndFree, userMemory } from '../../parts/driver-memory.ts'

const { STATUS_SUCCESS, STATUS_INVALID_PARAMETER_2 } = NtStatus

/** A buffer of three pages and a bit, that begins inside a page. */
const OFFSET = 100
const LENGTH = 3 * PAGE_SIZE

export const advanceCases: readonly Case[] = [
  {
    id: 'mdl/advance-leaves-pages-behind',
    title:
      'MmAdvanceMdl moves the start and both addresses, keeps the end, and unlocks the pages that it passes at once',
    rules: ['MDL-136'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { base, mdl, view } = mappedBuffer(context)
      const numbers = [...MmGetMdlPfnArray(mdl)]
      const step = PAGE_SIZE + 50
      check.equal(ddi.mm.MmAdvanceMdl(mdl, step), STATUS_SUCCESS, 'MmAdvanceMdl')
      check.equal(MmGetMdlVirtualAddress(mdl), plus(base, OFFSET + step), 'the virtual address')
      check.equal(MmGetMdlByteCount(mdl), LENGTH - step, 'ByteCount')
      check.equal(MmGetMdlPfnArray(mdl).join(), numbers.slice(1).join(), 'page numbers')
      check.equal(mdl.header.get('MappedSystemVa'), plus(view, step), 'MappedSystemVa')
      const bytes = kernel.memory.read(plus(view, step), LENGTH - step)
      check.bytes(bytes, orderPattern(LENGTH).subarray(step), 'what the system view shows')
      check.refused('access-violation', 'a load from the page that was passed', () => kernel.memory.touch(view))
      check.equal(locksOf(context, numbers), '0,1,1,1', 'locks of the four pages')
      unlockAndFree(context, mdl)
      check.equal(locksOf(context, numbers), '0,0,0,0', 'locks of the four pages once they are unlocked')
      kernel.processes.free(base)
    },
  },
  {
    id: 'mdl/advance-inside-the-page',
    title: 'advancing inside the first page unlocks nothing and moves the addresses by so many bytes',
    rules: ['MDL-136'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { base, mdl, view } = mappedBuffer(context)
      const numbers = [...MmGetMdlPfnArray(mdl)]
      const last = PAGE_SIZE - OFFSET - 1
      for (const step of [0, last]) {
        check.equal(ddi.mm.MmAdvanceMdl(mdl, step), STATUS_SUCCESS, `MmAdvanceMdl by ${step}`)
        check.equal(MmGetMdlVirtualAddress(mdl), plus(base, OFFSET + step), `the virtual address after ${step}`)
        check.equal(MmGetMdlPfnArray(mdl).join(), numbers.join(), `page numbers after ${step}`)
      }
      check.equal(mdl.header.get('MappedSystemVa'), plus(view, last), 'MappedSystemVa')
      check.equal(locksOf(context, numbers), '1,1,1,1', 'locks of the four pages')
      kernel.memory.touch(view)
      ddi.mm.MmUnmapLockedPages(plus(view, last), mdl)
      unlockAndFree(context, mdl)
      kernel.processes.free(base)
    },
  },
  {
    id: 'mdl/advance-stops-before-the-end',
    title:
      'advancing past the end, or to it, gives STATUS_INVALID_PARAMETER_2 and changes nothing; to the last byte works',
    rules: ['MDL-136', 'MDL-137'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { base, mdl } = mappedBuffer(context)
      for (const step of [LENGTH + 1, 0xffff_ffff, LENGTH]) {
        check.equal(ddi.mm.MmAdvanceMdl(mdl, step), STATUS_INVALID_PARAMETER_2, `the status for ${step}`)
        check.equal(MmGetMdlByteCount(mdl), LENGTH, `ByteCount after ${step}`)
      }
      check.equal(ddi.mm.MmAdvanceMdl(mdl, LENGTH - 1), STATUS_SUCCESS, 'to the last byte')
      check.equal(MmGetMdlPfnArray(mdl).length, 1, 'page numbers')
      unlockAndFree(context, mdl)
      kernel.processes.free(base)
    },
  },
]

interface MappedBuffer {
  readonly base: Va
  readonly mdl: Mdl
  readonly view: Va
}

/** User memory with the pattern from OFFSET on, locked and with a system view. */
function mappedBuffer(context: Context): MappedBuffer {
  const base = userMemory(context, 4 * PAGE_SIZE)
  context.kernel.memory.write(plus(base, OFFSET), orderPattern(LENGTH))
  const mdl = lockedUser(context, plus(base, OFFSET), LENGTH)
  return { base, mdl, view: va(mapSystem(context, mdl)) }
}

/** How often each of the pages is locked. */
function locksOf({ frames, kernel }: Context, numbers: readonly bigint[]): string {
  return numbers.map((pfn) => kernel.locks.count(frames.indexOf(Number(pfn)) ?? 0)).join()
}
