import type { Va } from '../../../base/address.ts'
import type { ChannelRequest } from './channel.ts'

/** A DMA transfer context: the driver's memory for one request, by its address. */
export interface TransferContext {
  readonly address: Va
  /** The request that waits under this context, or that has what it asked for. */
  request: ChannelRequest | undefined
  cancelled: boolean
}

/** The contexts of an adapter that were initialised. */
export class TransferContexts {
  readonly #contexts = new Map<Va, TransferContext>()

  /** A new one in place of what was there. */
  initialize(address: Va): void {
    this.#contexts.set(address, { address, request: undefined, cancelled: false })
  }

  at(address: Va): TransferContext | undefined {
    return this.#contexts.get(address)
  }
}
