import type { Ddi } from '../../../../src/ddi/compose.ts'
import type { Irp } from '../../../../src/ddi/io/irp.ts'
import type { Io } from '../../../../src/ddi/io/io.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { altered } from './altered.ts'

/** The I/O manager's routines for MDLs, broken; `mm` accepts what they wrote. */
export const io = (alter: (io: Io, ddi: Ddi) => Partial<Io>): Plant => ({
  ddi: (ddi) => ({ ...ddi, io: altered(ddi.io, alter(ddi.io, ddi)) }),
})

/** Every MDL that IoAllocateMdl makes is spoilt. */
export const headers = (spoil: (mdl: Mdl, ddi: Ddi, irp: Irp | null) => void): Plant =>
  io((io, ddi) => ({
    IoAllocateMdl: (address, length, secondary, quota, irp) => {
      const mdl = io.IoAllocateMdl(address, length, secondary, quota, irp)
      if (mdl === null) return null
      spoil(mdl, ddi, irp)
      ddi.mm.accept(mdl)
      return mdl
    },
  }))

/** Every partial MDL is spoilt. */
export const parts = (spoil: (part: Mdl, source: Mdl, ddi: Ddi) => void): Plant =>
  io((io, ddi) => ({
    IoBuildPartialMdl: (source, target, address, length) => {
      io.IoBuildPartialMdl(source, target, address, length)
      if (source === null || target === null) return
      spoil(target, source, ddi)
      ddi.mm.accept(target)
    },
  }))

type PartArguments = Parameters<Io['IoBuildPartialMdl']>

/** IoBuildPartialMdl, with what it calls in its place. */
export const cutting = (cut: (io: Io, args: PartArguments, ddi: Ddi) => void): Plant =>
  io((io, ddi) => ({ IoBuildPartialMdl: (...args) => cut(io, args, ddi) }))

/** IoFreeMdl, with what it calls in its place. */
export const freeing = (free: (io: Io, mdl: Mdl, ddi: Ddi) => void): Plant =>
  io((io, ddi) => ({
    IoFreeMdl(mdl) {
      if (mdl !== null) free(io, mdl, ddi)
    },
  }))

/** What throws returns instead. */
export function swallow<T>(act: () => T, instead: T): T {
  try {
    return act()
  } catch {
    return instead
  }
}
