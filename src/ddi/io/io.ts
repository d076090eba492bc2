import type { Va } from '../../base/address.ts'
import type { Mdl } from '../mm/mdl.ts'
import type { MmState } from '../mm/state.ts'
import type { Irp } from './irp.ts'
import { allocateMdl, freeMdl } from './headers.ts'
import { buildPartialMdl } from './partial.ts'

/** The I/O manager's routines for MDLs (rules, sections 1.3 and 1.7), by their names and documented parameters. */
export class Io {
  readonly #state: MmState

  constructor(state: MmState) {
    this.#state = state
  }

  /**
   * A header for a buffer, and room for its page numbers, which stay undefined (MDL-020). Null without memory, and
   * for more than 4 GiB - 4096 bytes (MDL-021).
   * @param Length bytes; 0 gives an MDL that nothing can be done with but free it
   * @param SecondaryBuffer appends to the chain of the IRP (MDL-025), else it becomes the chain's first (MDL-024)
   * @param ChargeQuota reserved: false (MDL-023)
   * @throws CallerError MDL-006 for a buffer that would wrap
   */
  IoAllocateMdl(
    VirtualAddress: Va,
    Length: number,
    SecondaryBuffer: boolean,
    ChargeQuota: boolean,
    Irp: Irp | null,
  ): Mdl | null {
    return allocateMdl(this.#state, { VirtualAddress, Length, SecondaryBuffer, ChargeQuota, Irp })
  }

  /**
   * Releases this MDL and none that follows it (MDL-027), with the mapping that a partial one made (MDL-028).
   * @throws BugCheck 0xC4/0xB8 while it is mapped, CallerError MDL-028 while its pages are locked
   */
  IoFreeMdl(Mdl: Mdl | null): void {
    freeMdl(this.#state, Mdl)
  }

  /**
   * Makes TargetMdl describe part of what SourceMdl describes (MDL-100 to MDL-108).
   * @param VirtualAddress a position in the source, counted as MmGetMdlVirtualAddress of it does
   * @param Length bytes; 0 for all from there to the end
   * @throws BugCheck 0x12E when the part is not inside the source; its parameter is the source's address
   */
  IoBuildPartialMdl(SourceMdl: Mdl | null, TargetMdl: Mdl | null, VirtualAddress: Va, Length: number): void {
    buildPartialMdl(this.#state, { SourceMdl, TargetMdl, VirtualAddress, Length })
  }
}
