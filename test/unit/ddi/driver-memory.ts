import { type Va, va } from '../../../src/base/address.ts'
import { KPROCESSOR_MODE, LOCK_OPERATION, POOL_FLAG } from '../../../src/ddi/constants.ts'
import { Mdl, MmGetMdlPfnArray } from '../../../src/ddi/mm/mdl.ts'
import type { Protection } from '../../../src/native/surface.ts'
import type { Bench } from './bench.ts'

export const { KernelMode, UserMode } = KPROCESSOR_MODE
export const { IoReadAccess, IoWriteAccess, IoModifyAccess } = LOCK_OPERATION
export const { POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED, POOL_FLAG_UNINITIALIZED, POOL_FLAG_RAISE_ON_FAILURE } = POOL_FLAG
export const TAG = 7

/** @throws when it is null or undefined */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('expected a value')
  return value
}

export const plus = (address: Va, bytes: number): Va => va(address + BigInt(bytes))

/** User memory of the current process. */
export const userMemory = ({ kernel }: Bench, pages: number, protection?: Protection): Va =>
  present(kernel.processes.allocate({ bytes: pages * 4096, ...(protection === undefined ? {} : { protection }) }))

export const poolBlock = ({ ddi }: Bench, bytes: number, flags: number = POOL_FLAG_NON_PAGED): Va =>
  present(ddi.mm.ExAllocatePool2(flags, bytes, TAG))

/** An MDL in memory of its own. */
export function mdlOver({ ddi, kernel }: Bench, base: Va, length: number): Mdl {
  const mdl = new Mdl(present(kernel.pool.allocate(ddi.mm.MmSizeOfMdl(base, length))))
  ddi.mm.MmInitializeMdl(mdl, base, length)
  return mdl
}

export const lock = ({ ddi }: Bench, mdl: Mdl, mode: number = UserMode, operation: number = IoWriteAccess): void =>
  ddi.mm.MmProbeAndLockPages(mdl, mode, operation)

export const frameNumbers = (mdl: Mdl): readonly number[] => [...MmGetMdlPfnArray(mdl)].map(Number)

/** The bytes at the frames that the MDL names, page by page. */
export const pageBytes = ({ frames }: Bench, mdl: Mdl): readonly number[] =>
  frameNumbers(mdl).map((frame) => frames.read((frames.indexOf(frame) ?? -1) * 4096, 1)[0] ?? -1)
