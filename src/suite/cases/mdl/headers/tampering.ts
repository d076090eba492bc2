import { va } from '../../../../base/address.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MdlFlags } from '../../../../ddi/constants.ts'
import type { Mdl } from '../../../../ddi/mm/mdl.ts'
import type { Case } from '../../../case.ts'
import { allocate, mapSystem, release } from '../../parts/buffers.ts'

/** Changes a member, and returns what puts it back. */
type Change = (mdl: Mdl) => () => void

const member =
  (name: 'MappedSystemVa' | 'StartVa', value: bigint): Change =>
  (mdl) => {
    const before = mdl.header.get(name)
    mdl.header.set(name, value)
    return () => mdl.header.set(name, before)
  }

const byteCount: Change = (mdl) => {
  const before = mdl.header.get('ByteCount')
  mdl.header.set('ByteCount', before - PAGE_SIZE)
  return () => mdl.header.set('ByteCount', before)
}

const pageNumber =
  (index: number): Change =>
  (mdl) => {
    const before = mdl.slots()[index] ?? 0n
    mdl.slots()[index] = before + 1n
    return () => void (mdl.slots()[index] = before)
  }

/** With parameter 1 of bug check 0xDA. */
const MAPPED: readonly (readonly [string, number, Change])[] = [
  ['the number of pages', 0x02, byteCount],
  ['MappedSystemVa', 0x03, member('MappedSystemVa', 0x1000n)],
  ['the first page number', 0x04, pageNumber(0)],
  ['StartVa', 0x05, member('StartVa', 0x1000n)],
]

/** With the rule that is broken while nothing is mapped. */
const UNMAPPED: readonly (readonly [string, string, Change])[] = [
  ['ByteCount', 'MDL-011', byteCount],
  ['MappedSystemVa', 'MDL-011', member('MappedSystemVa', 0x1000n)],
  ['StartVa', 'MDL-011', member('StartVa', 0x1000n)],
  ['the first page number', 'MDL-013', pageNumber(0)],
  ['the last page number', 'MDL-013', pageNumber(2)],
]

export const tamperingCases: readonly Case[] = [
  {
    id: 'mdl/changed-while-mapped',
    title:
      'an MDL that was changed while it is mapped, or unmapped twice, is bug check 0xDA, each by its own parameter',
    rules: ['MDL-142'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 3 * PAGE_SIZE)
      const unmap = (address: bigint) => () => ddi.mm.MmUnmapLockedPages(va(address), mdl)
      mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      check.bugCheck(0xda, 0x06, 'one that was never mapped', unmap(0x1000n))
      mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      const view = mapSystem(context, mdl)
      for (const [name, code, change] of MAPPED) {
        const putBack = change(mdl)
        check.bugCheck(0xda, code, `${name} is changed`, unmap(view))
        putBack()
      }
      check.bugCheck(0xda, 0x03, 'another address', unmap(view + BigInt(PAGE_SIZE)))
      unmap(view)()
      mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      check.bugCheck(0xda, 0x01, 'one that is unmapped already', unmap(view))
      mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      release(context, mdl)
    },
  },
  {
    id: 'mdl/changed-members-are-noticed',
    title: 'an MDL of which a driver changed more than Next and MdlFlags is refused, and taken again once it is mended',
    rules: ['MDL-011', 'MDL-013'],
    run: (context) => {
      const { check, ddi } = context
      const mdl = allocate(context, 3 * PAGE_SIZE)
      for (const [name, rule, change] of UNMAPPED) {
        const putBack = change(mdl)
        check.callerError(rule, `${name} is changed`, () => ddi.mm.MmFreePagesFromMdl(mdl))
        putBack()
      }
      mdl.header.set('Next', 0x1000n)
      mdl.MdlFlags |= MdlFlags.MDL_MAPPING_CAN_FAIL
      ddi.mm.MmUnmapLockedPages(mapSystem(context, mdl), mdl)
      release(context, mdl)
    },
  },
]
