import { Disposal } from '../base/disposal.ts'
import { Kernel } from '../ddi/kernel/kernel.ts'
import { type Ddi, composeDdi } from '../ddi/compose.ts'
import type { Misuse } from '../ddi/kernel/ledger.ts'
import type { Device } from '../device/contract.ts'
import { AddressSpace } from '../memory/address-space.ts'
import type { FrameStore } from '../memory/frame-store.ts'
import { POOL_PAGES } from './frames.ts'

export interface WindowsParts {
  readonly device: Device
  readonly frames: FrameStore
  /** Pages of nonpaged pool; 64 unless told. */
  readonly poolPages?: number
}

/** Bytes of system space, and of user space. Only reserved: it costs nothing until something is mapped. */
const RANGE_SIZE = 2 ** 34

/** One Windows around the device: its kernel and the DDIs on it. A suite makes a new one for each case. */
export class Windows {
  readonly kernel: Kernel
  readonly ddi: Ddi
  readonly #undo: Disposal

  private constructor(kernel: Kernel, ddi: Ddi, undo: Disposal) {
    this.kernel = kernel
    this.ddi = ddi
    this.#undo = undo
  }

  /** @throws ProbarError out-of-memory; nothing is left then */
  static async open({ device, frames, poolPages = POOL_PAGES }: WindowsParts): Promise<Windows> {
    const undo = new Disposal()
    try {
      const space = undo.use(new AddressSpace({ native: frames.native, rangeSize: RANGE_SIZE }))
      const kernel = new Kernel({ frames, space, poolPages })
      undo.defer(() => kernel.close())
      const ddi = composeDdi(kernel, device)
      // The last comes first: pins and mapping tables stand on scatter/gather lists, and those on the pages of MDLs.
      for (const family of [ddi.mm, ddi.dxgk, ddi.dma, ddi.ks, ddi.waveRT]) undo.defer(() => family.close())
      return new Windows(kernel, ddi, undo)
    } catch (error) {
      return undo.undoAfter(error)
    }
  }

  /** Takes everything back; returns what its user left behind. */
  async close(): Promise<readonly Misuse[]> {
    const before = this.kernel.ledger.entries.length
    await this.#undo[Symbol.asyncDispose]()
    return this.kernel.ledger.entries.slice(before)
  }
}
