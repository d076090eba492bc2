import type { Va } from '../../base/address.ts'
import type { RegionView } from '../../device/contract.ts'
import { KPROCESSOR_MODE } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'

/**
 * The register accessors of wdm.h. Each makes exactly one access of exactly its width (DXM-040) at an address inside
 * a kernel-mode view of a BAR; another kind of view is an error of the caller (DXM-022), and so is an address that is
 * no multiple of the width (DXM-047).
 */
export class Registers {
  readonly #kernel: Kernel

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  READ_REGISTER_UCHAR(Register: Va): number {
    const { view, offset } = this.#at('READ_REGISTER_UCHAR', Register, 1)
    return view.read8(offset)
  }

  READ_REGISTER_USHORT(Register: Va): number {
    const { view, offset } = this.#at('READ_REGISTER_USHORT', Register, 2)
    return view.read16(offset)
  }

  READ_REGISTER_ULONG(Register: Va): number {
    const { view, offset } = this.#at('READ_REGISTER_ULONG', Register, 4)
    return view.read32(offset)
  }

  READ_REGISTER_ULONG64(Register: Va): bigint {
    const { view, offset } = this.#at('READ_REGISTER_ULONG64', Register, 8)
    return view.read64(offset)
  }

  WRITE_REGISTER_UCHAR(Register: Va, Value: number): void {
    const { view, offset } = this.#at('WRITE_REGISTER_UCHAR', Register, 1)
    view.write8(offset, Value)
  }

  WRITE_REGISTER_USHORT(Register: Va, Value: number): void {
    const { view, offset } = this.#at('WRITE_REGISTER_USHORT', Register, 2)
    view.write16(offset, Value)
  }

  WRITE_REGISTER_ULONG(Register: Va, Value: number): void {
    const { view, offset } = this.#at('WRITE_REGISTER_ULONG', Register, 4)
    view.write32(offset, Value)
  }

  WRITE_REGISTER_ULONG64(Register: Va, Value: bigint): void {
    const { view, offset } = this.#at('WRITE_REGISTER_ULONG64', Register, 8)
    view.write64(offset, Value)
  }

  /** A plain load through a user-mode view of a BAR: what user code does (DXM-022). */
  loadUser32(address: Va): number {
    const { view, offset } = this.#at('load', address, 4, KPROCESSOR_MODE.UserMode)
    return view.read32(offset)
  }

  #at(
    routine: string,
    register: Va,
    width: number,
    mode: KPROCESSOR_MODE = KPROCESSOR_MODE.KernelMode,
  ): { readonly view: RegionView; readonly offset: number } {
    const found = this.#kernel.memory.find(register)
    if (found === undefined || found.placed.kind !== 'registers') {
      this.#kernel.ledger.raise({ rule: 'DXM-022', routine, text: 'the address is in no mapped BAR' })
    }
    if ((found.placed.mode === 'user') !== (mode === KPROCESSOR_MODE.UserMode)) {
      this.#kernel.ledger.raise({ rule: 'DXM-022', routine, text: `the view is a ${found.placed.mode}-mode one` })
    }
    if (Number(register) % width !== 0) {
      this.#kernel.ledger.raise({ rule: 'DXM-047', routine, text: `the address is no multiple of ${width}` })
    }
    return { view: found.placed.view, offset: found.offset }
  }
}
