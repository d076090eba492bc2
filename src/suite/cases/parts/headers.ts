import { type Va, va } from '../../../base/address.ts'
import { type Mdl, MmGetMdlVirtualAddress } from '../../../ddi/mm/mdl.ts'
import type { Context } from '../../context.ts'
import { NormalPagePriority } from './buffers.ts'

/** IoAllocateMdl without an IRP that must succeed. */
export function allocateHeader({ check, ddi }: Context, address: Va, length: number): Mdl {
  return check.present(ddi.io.IoAllocateMdl(address, length, false, false, null), `an MDL for ${length} bytes`)
}

/** The position in an MDL's buffer, as IoBuildPartialMdl and GetScatterGatherList want it. */
export const positionIn = (mdl: Mdl, offset: number): Va => va(MmGetMdlVirtualAddress(mdl) + BigInt(offset))

/** A partial MDL of its own for bytes of the source. */
export function allocatePart(context: Context, source: Mdl, offset: number, length: number): Mdl {
  const position = positionIn(source, offset)
  const part = allocateHeader(context, position, length)
  context.ddi.io.IoBuildPartialMdl(source, part, position, length)
  return part
}

/** The system address of an MDL, which must be had. */
export function systemAddress({ check, ddi }: Context, mdl: Mdl): Va {
  return check.present(ddi.mm.MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), 'the system address')
}
