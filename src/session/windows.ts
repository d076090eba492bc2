import { Kernel } from '../ddi/kernel.ts'
import { type Ddi, closeDdi, composeDdi } from '../ddi/compose.ts'
import type { Misuse } from '../ddi/ledger.ts'
import type { Device } from '../device/contract.ts'
import { AddressSpace } from '../memory/address-space.ts'
import type { FrameStore } from '../memory/frame-store.ts'

export interface WindowsParts {
  readonly device: Device
  readonly frames: FrameStore
}

/** Bytes of system space, and of user space. Only reserved: it costs nothing until something is mapped. */
const RANGE_SIZE = 2 ** 34
const POOL_PAGES = 64

/** One Windows around the device: its kernel and the DDIs on it. A suite makes a new one for each case. */
export class Windows {
  readonly kernel: Kernel
  readonly ddi: Ddi
  readonly #space: AddressSpace

  constructor({ device, frames }: WindowsParts) {
    this.#space = new AddressSpace({ native: frames.native, rangeSize: RANGE_SIZE })
    this.kernel = new Kernel({ frames, space: this.#space, poolPages: POOL_PAGES })
    this.ddi = composeDdi(this.kernel, device)
  }

  /** Takes everything back; returns what its user left behind. */
  async close(): Promise<readonly Misuse[]> {
    const before = this.kernel.ledger.entries.length
    this.kernel.KeLowerIrql(0)
    closeDdi(this.ddi)
    this.kernel.pool.close()
    await this.#space[Symbol.asyncDispose]()
    return this.kernel.ledger.entries.slice(before)
  }
}
