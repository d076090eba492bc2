import { type BusAddress, advance, busAddress } from '../../base/address.ts'
import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { DmaDomain, Mapping } from '../../device/contract.ts'
import { unmapWhole } from '../../device/unmap-whole.ts'
import type { FrameStore } from '../../memory/frame-store.ts'

/** Adjacent pages of the engine's own, in memory as on the bus: for the rings of its channels. */
export class RingMemory {
  readonly bus: BusAddress
  readonly #frames: FrameStore
  readonly #indices: Uint32Array
  readonly #mapping: Mapping
  readonly #revocable: boolean

  /** @throws ProbarError out-of-memory, or what the domain's `map` throws; nothing stays taken then */
  constructor(dma: DmaDomain, frames: FrameStore, pages: number) {
    this.#frames = frames
    this.#revocable = dma.capabilities.revocable
    this.#indices = frames.allocate({ count: pages, contiguous: true })
    if (this.#indices.length < pages) {
      throw new ProbarError('out-of-memory', `the frame store has no ${pages} adjacent pages for the engine's rings`)
    }
    try {
      this.#mapping = dma.map({ memory: frames, indices: this.#indices }, 'both')
    } catch (error) {
      frames.free(this.#indices)
      throw error
    }
    const { segments } = this.#mapping
    if (segments.count !== 1) {
      this.close(true)
      throw new ProbarError('internal', `the back end maps ${pages} adjacent pages to ${segments.count} segments`)
    }
    this.bus = busAddress(segments.at(0).bus)
  }

  at(offset: number): BusAddress {
    return advance(this.bus, offset)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#frames.write((this.#indices[0] ?? 0) * PAGE_SIZE + offset, bytes)
  }

  /** @param unused the device has ceased to access them: where nothing refuses it, only such pages can be used again */
  close(unused: boolean): void {
    const free = (): void => this.#frames.free(this.#indices)
    runAll([() => unmapWhole(this.#mapping), ...(unused || this.#revocable ? [free] : [])])
  }
}
