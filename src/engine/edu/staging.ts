import { type BusAddress, busAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { PAGE_SIZE } from '../../base/pages.ts'
import type { DmaDomain, Mapping } from '../../device/contract.ts'
import { unmapWhole } from '../../device/unmap-whole.ts'
import type { FrameStore } from '../../memory/frame-store.ts'

/** What the page holds before the device's answer arrives, so that an answer that never came is not taken for one. */
const POISON = 0xee

/** One page between Probar and the device's buffer. */
export class Staging {
  readonly bus: BusAddress
  readonly #frames: FrameStore
  readonly #index: number
  readonly #mapping: Mapping
  readonly #revocable: boolean

  constructor(dma: DmaDomain, frames: FrameStore) {
    const indices = frames.allocate({ count: 1 })
    const index = indices[0]
    if (index === undefined) throw new ProbarError('out-of-memory', 'the frame store has no page for the engine')
    this.#frames = frames
    this.#index = index
    this.#revocable = dma.capabilities.revocable
    try {
      this.#mapping = dma.map({ memory: frames, indices }, 'both')
    } catch (error) {
      frames.free(indices)
      throw error
    }
    const { segments } = this.#mapping
    if (segments.count !== 1) {
      this.close(true)
      throw new ProbarError('internal', `the back end maps one page to ${segments.count} segments`)
    }
    this.bus = busAddress(segments.at(0).bus)
  }

  put(bytes: Uint8Array): void {
    this.#frames.write(this.#index * PAGE_SIZE, bytes)
  }

  poison(): void {
    this.#frames.write(this.#index * PAGE_SIZE, new Uint8Array(PAGE_SIZE).fill(POISON))
  }

  take(length: number): Uint8Array {
    return this.#frames.read(this.#index * PAGE_SIZE, length)
  }

  /** @param unused the device has ceased to access it: where nothing refuses it, only such a page can be used again */
  close(unused: boolean): void {
    unmapWhole(this.#mapping)
    if (unused || this.#revocable) this.#frames.free(Uint32Array.of(this.#index))
  }
}
