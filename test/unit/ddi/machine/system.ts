import { type Va, va } from '../../../../src/base/address.ts'
import type { Ddi } from '../../../../src/ddi/compose.ts'
import { KPROCESSOR_MODE, LOCK_OPERATION, POOL_FLAG } from '../../../../src/ddi/constants.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { MmCached, NULL, NormalPagePriority, TOP, ZERO } from '../bench.ts'
import type { Memory } from './model.ts'

/** What the steps drive: the routines, perhaps broken ones. */
export interface System {
  readonly kernel: Kernel
  readonly ddi: Ddi
}

export const plus = (address: Va, bytes: number): Va => va(address + BigInt(bytes))

export function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('expected a result')
  return value
}

export const allocatePages = ({ ddi }: System, pages: number): Mdl =>
  must(ddi.mm.MmAllocatePagesForMdlEx(ZERO, TOP, ZERO, pages * 4096, MmCached, 0))

export function allocateMemory({ ddi, kernel }: System, kind: Memory['kind'], pages: number): Va {
  if (kind === 'user') return must(kernel.processes.allocate({ bytes: pages * 4096 }))
  const flag = kind === 'paged' ? POOL_FLAG.POOL_FLAG_PAGED : POOL_FLAG.POOL_FLAG_NON_PAGED
  return must(ddi.mm.ExAllocatePool2(flag, pages * 4096, 1))
}

export function freeMemory({ ddi, kernel }: System, { kind, address }: Memory): void {
  if (kind === 'user') kernel.processes.free(address)
  else ddi.mm.ExFreePoolWithTag(address, 1)
}

export const header = ({ ddi }: System, address: Va, length: number): Mdl =>
  must(ddi.io.IoAllocateMdl(address, length, false, false, null))

export const map = ({ ddi }: System, mdl: Mdl, mode: number): Va =>
  must(ddi.mm.MmMapLockedPagesSpecifyCache(mdl, mode, MmCached, NULL, false, NormalPagePriority))

export const lock = ({ ddi }: System, mdl: Mdl, user: boolean): void =>
  ddi.mm.MmProbeAndLockPages(
    mdl,
    user ? KPROCESSOR_MODE.UserMode : KPROCESSOR_MODE.KernelMode,
    LOCK_OPERATION.IoWriteAccess,
  )
