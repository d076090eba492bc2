import { ProbarError } from '../../../../src/base/errors.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import { type Mdl, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import type { Mm } from '../../../../src/ddi/mm/mm.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { mm } from './broken-ddi.ts'

/** Locking that breaks its contract. */

interface Lock {
  readonly mm: Mm
  readonly kernel: Kernel
  readonly mdl: Mdl
  readonly mode: number
  readonly operation: number
}

/** MmProbeAndLockPages, with what it does in its place. */
export const locking = (lock: (request: Lock) => void): Plant =>
  mm((mm, kernel) => ({
    MmProbeAndLockPages: (mdl, mode, operation) => lock({ mm, kernel, mdl, mode, operation }),
  }))

/** The same, after it has succeeded. */
export const locked = (spoil: (request: Lock) => void): Plant =>
  locking((request) => {
    request.mm.MmProbeAndLockPages(request.mdl, request.mode, request.operation)
    spoil(request)
  })

/** The same, after it has failed; what it failed with is thrown unless `spoil` returns true. */
export const notLocked = (spoil: (request: Lock) => boolean | void): Plant =>
  locking((request) => {
    try {
      request.mm.MmProbeAndLockPages(request.mdl, request.mode, request.operation)
    } catch (error) {
      if (spoil(request) !== true) throw error
    }
  })

/** MmUnlockPages, with what it does in its place. */
export const unlocking = (unlock: (mm: Mm, mdl: Mdl, kernel: Kernel) => void): Plant =>
  mm((mm, kernel) => ({ MmUnlockPages: (mdl) => unlock(mm, mdl, kernel) }))

/** MmBuildMdlForNonPagedPool, after it has succeeded. */
export const built = (spoil: (mdl: Mdl, mm: Mm, kernel: Kernel) => void): Plant =>
  mm((mm, kernel) => ({
    MmBuildMdlForNonPagedPool(mdl) {
      mm.MmBuildMdlForNonPagedPool(mdl)
      spoil(mdl, mm, kernel)
    },
  }))

/** What a routine refuses is accepted, with `result` in place of the error. */
export function accepting<T>(act: () => T, result: T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof ProbarError)) throw error
    return result
  }
}

/** The frames that the MDL names. */
export const framesIn = (kernel: Kernel, mdl: Mdl): Uint32Array =>
  Uint32Array.from(MmGetMdlPfnArray(mdl), (pfn) => kernel.frames.indexOf(Number(pfn)) ?? 0)

/** Runs at PASSIVE_LEVEL whatever the level is. */
export function atAnyLevel<T>(kernel: Kernel, act: () => T): T {
  const level = kernel.KeGetCurrentIrql()
  kernel.KeLowerIrql(0)
  try {
    return act()
  } finally {
    kernel.KeRaiseIrql(level)
  }
}
