import { type BusAddress, advance, busAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { DmaDomain, Mapping } from '../../device/contract.ts'
import { unmapWhole } from '../../device/unmap-whole.ts'
import type { FrameStore } from '../../memory/frame-store.ts'

/** One page between the engine and the controller: rings, or a descriptor list. It begins as zeros. */
export class OwnPage {
  readonly bus: BusAddress
  readonly #frames: FrameStore
  readonly #index: number
  readonly #mapping: Mapping

  constructor(dma: DmaDomain, frames: FrameStore) {
    const indices = frames.allocate({ count: 1 })
    const index = indices[0]
    if (index === undefined) throw new ProbarError('out-of-memory', 'the frame store has no page for the engine')
    this.#frames = frames
    this.#index = index
    try {
      frames.zero(indices)
      this.#mapping = dma.map({ memory: frames, indices }, 'both')
    } catch (error) {
      frames.free(indices)
      throw error
    }
    this.bus = busAddress(this.#mapping.segments.at(0).bus)
  }

  /** Where byte `offset` of the page is on the bus. */
  busAt(offset: number): BusAddress {
    return advance(this.bus, offset)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#frames.write(this.#index * PAGE_SIZE + offset, bytes)
  }

  write32(offset: number, value: number): void {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, true)
    this.write(offset, bytes)
  }

  read32(offset: number): number {
    const bytes = this.#frames.read(this.#index * PAGE_SIZE + offset, 4)
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
  }

  /** When the page cannot be unmapped it stays taken: the controller could still reach it. */
  close(): void {
    unmapWhole(this.#mapping)
    this.#frames.free(Uint32Array.of(this.#index))
  }
}
