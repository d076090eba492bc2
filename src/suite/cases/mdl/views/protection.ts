import { type Va, va } from '../../../../base/address.ts'
import { NtStatus } from '../../../../base/ntstatus.ts'
import { PAGE_SIZE } from '../../../../base/pages.ts'
import { MdlFlags, PAGE_PROTECTION } from '../../../../ddi/constants.ts'
import type { Mdl } from '../../../../ddi/mm/mdl.ts'
import { orderPattern } from '../../../../memory/patterns.ts'
import type { Case } from '../../../case.ts'
import type { Context } from '../../../context.ts'
import {
  MmCached,
  NO_ADDRESS,
  NormalPagePriority,
  UserMode,
  allocate,
  mapSystem,
  mustGetList,
  openAdapter,
  putList,
  release,
} from '../../parts/buffers.ts'
import { walkList } from '../../parts/home-bytes.ts'

const { PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE } = PAGE_PROTECTION
const { PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE } = PAGE_PROTECTION

/** PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY, PAGE_GUARD, two at once, none: no value for this routine. */
const REFUSED = [0x08, 0x80, 0x100 | PAGE_READWRITE, PAGE_READONLY | PAGE_READWRITE, 0]

/** What each leaves: loads, stores. */
const ACCESS = [
  ['PAGE_NOACCESS', PAGE_NOACCESS, false, false],
  ['PAGE_READONLY', PAGE_READONLY, true, false],
  ['PAGE_READWRITE', PAGE_READWRITE, true, true],
  ['PAGE_EXECUTE', PAGE_EXECUTE, false, false],
  ['PAGE_EXECUTE_READ', PAGE_EXECUTE_READ, true, false],
  ['PAGE_EXECUTE_READWRITE', PAGE_EXECUTE_READWRITE, true, true],
] as const

export const protectionCases: readonly Case[] = [
  {
    id: 'mdl/protect-needs-mapping-and-value',
    title:
      'without a mapping MmProtectMdlSystemAddress gives NOT_MAPPED_VIEW, for another value INVALID_PAGE_PROTECTION',
    rules: ['MDL-130', 'MDL-131'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const { STATUS_NOT_MAPPED_VIEW, STATUS_INVALID_PAGE_PROTECTION } = NtStatus
      const mdl = allocate(context, PAGE_SIZE)
      const protect = (value: number): number => ddi.mm.MmProtectMdlSystemAddress(mdl, value)
      check.equal(protect(PAGE_READONLY), STATUS_NOT_MAPPED_VIEW, 'status before it is mapped')
      const view = mapSystem(context, mdl)
      for (const value of REFUSED) check.equal(protect(value), STATUS_INVALID_PAGE_PROTECTION, `status for ${value}`)
      kernel.memory.fill(view, PAGE_SIZE, 0x61)
      check.filled(kernel.memory.read(view, PAGE_SIZE), 0x61, 'the view after all that')
      ddi.mm.MmUnmapLockedPages(view, mdl)
      check.equal(protect(PAGE_READONLY), STATUS_NOT_MAPPED_VIEW, 'status after it is unmapped')
      mdl.MdlFlags |= MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      check.bugCheck(0x1a, 0x1235, 'mapped by its flags only', () => protect(PAGE_READONLY))
      mdl.MdlFlags &= ~MdlFlags.MDL_MAPPED_TO_SYSTEM_VA
      release(context, mdl)
    },
  },
  {
    id: 'mdl/protected-view-faults',
    title: 'each protection leaves the loads and stores of its name and makes the others fault, in this view only',
    rules: ['MDL-130'],
    run: (context) => {
      const { check, ddi, kernel } = context
      const mdl = allocate(context, 2 * PAGE_SIZE)
      const view = mapSystem(context, mdl)
      const user = mapUser(context, mdl)
      const last = va(view + BigInt(2 * PAGE_SIZE - 1))
      for (const [name, value, loads, stores] of ACCESS) {
        check.equal(ddi.mm.MmProtectMdlSystemAddress(mdl, value), NtStatus.STATUS_SUCCESS, `status for ${name}`)
        kernel.memory.fill(user, 2 * PAGE_SIZE, value)
        if (loads) check.filled(kernel.memory.read(view, 2 * PAGE_SIZE), value, `what ${name} lets be read`)
        else check.refused('access-violation', `a load with ${name}`, () => kernel.memory.read(last, 1))
        const store = (): void => kernel.memory.fill(last, 1, 0xee)
        if (stores) store()
        else check.refused('access-violation', `a store with ${name}`, store)
        const there = kernel.memory.read(va(user + BigInt(2 * PAGE_SIZE - 1)), 1)
        check.filled(there, stores ? 0xee : value, `the last byte after the store with ${name}`)
      }
      ddi.mm.MmUnmapLockedPages(user, mdl)
      release(context, mdl)
    },
  },
  {
    id: 'mdl/protection-leaves-the-device-alone',
    title: 'through a list the device reads and writes pages whose system view nobody may touch',
    rules: ['MDL-130'],
    needs: ['engine'],
    run: async (context) => {
      const { check, ddi, engine, kernel, signal } = context
      const mdl = allocate(context, PAGE_SIZE)
      const view = mapSystem(context, mdl)
      kernel.memory.write(view, orderPattern(256, 1))
      check.equal(ddi.mm.MmProtectMdlSystemAddress(mdl, PAGE_NOACCESS), NtStatus.STATUS_SUCCESS, 'PAGE_NOACCESS')
      const adapter = openAdapter(context)
      const out = mustGetList(context, adapter, mdl, { length: 256, writeToDevice: true })
      check.bytes(await engine.read(walkList(context, out), { signal }), orderPattern(256, 1), 'as the device read it')
      putList(context, adapter, out, true)
      const back = mustGetList(context, adapter, mdl, { length: 256, writeToDevice: false })
      await engine.write(walkList(context, back), orderPattern(256, 2), { signal })
      putList(context, adapter, back, false)
      check.refused('access-violation', 'a load meanwhile', () => kernel.memory.touch(view))
      check.equal(ddi.mm.MmProtectMdlSystemAddress(mdl, PAGE_READONLY), NtStatus.STATUS_SUCCESS, 'PAGE_READONLY')
      check.bytes(kernel.memory.read(view, 256), orderPattern(256, 2), 'what the device wrote')
      release(context, mdl)
    },
  },
]

function mapUser({ check, ddi }: Context, mdl: Mdl): Va {
  const view = ddi.mm.MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NO_ADDRESS, false, NormalPagePriority)
  return check.present(view, 'a user mapping')
}
