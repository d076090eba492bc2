import { type Va, va } from '../../../base/address.ts'
import { PAGE_SIZE } from '../../../base/pages.ts'
import { LOCK_OPERATION, POOL_FLAG } from '../../../ddi/constants.ts'
import { Mdl, MmGetMdlPfnArray } from '../../../ddi/mm/mdl.ts'
import type { Context } from '../../context.ts'
import { UserMode } from './buffers.ts'

/** Memory that drivers are given and have of their own, and MDLs over it. */

export const { IoReadAccess, IoWriteAccess, IoModifyAccess } = LOCK_OPERATION
export const { POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED, POOL_FLAG_UNINITIALIZED } = POOL_FLAG

const TAG = 0x7262_6f50

/** User memory of the current process that must be had. */
export function userMemory({ check, kernel }: Context, bytes: number): Va {
  return check.present(kernel.processes.allocate({ bytes }), 'user memory')
}

/** A pool block that must be had; nonpaged and zeroed unless told. */
export function poolBlock({ check, ddi }: Context, bytes: number, flags: number = POOL_FLAG_NON_PAGED): Va {
  return check.present(ddi.mm.ExAllocatePool2(flags, bytes, TAG), 'a pool block')
}

export function freePool({ ddi }: Context, address: Va): void {
  ddi.mm.ExFreePoolWithTag(address, TAG)
}

/** An MDL in memory of the driver's own. */
export function mdlOver({ check, ddi, kernel }: Context, base: Va, length: number): Mdl {
  const memory = kernel.pool.allocate(ddi.mm.MmSizeOfMdl(base, length))
  const mdl = new Mdl(check.present(memory, 'memory for an MDL'))
  ddi.mm.MmInitializeMdl(mdl, base, length)
  return mdl
}

/** An MDL over user addresses, with its pages locked for writing unless told. */
export function lockedUser(context: Context, base: Va, length: number, operation: number = IoWriteAccess): Mdl {
  const mdl = mdlOver(context, base, length)
  context.ddi.mm.MmProbeAndLockPages(mdl, UserMode, operation)
  return mdl
}

/** Unlocks the pages and gives the MDL's memory back. */
export function unlockAndFree({ ddi }: Context, mdl: Mdl): void {
  ddi.mm.MmUnlockPages(mdl)
  ddi.mm.ExFreePool(mdl)
}

/** What the frames of the MDL hold, in order, read through the home view. */
export function bytesOfPages({ check, frames }: Context, mdl: Mdl): Uint8Array {
  const pages = [...MmGetMdlPfnArray(mdl)].map((pfn) => {
    const index = check.present(frames.indexOf(Number(pfn)), `the frame with the number ${pfn}`)
    return frames.read(index * PAGE_SIZE, PAGE_SIZE)
  })
  return new Uint8Array(Buffer.concat(pages))
}

export const plus = (address: Va, bytes: number): Va => va(address + BigInt(bytes))
