import type { Disposal } from '../base/disposal.ts'
import { codeOf } from '../base/errors.ts'
import type { Device } from '../device/contract.ts'

/** Milliseconds that the session's user has to close it, once the device is asked for. Its remover waits meanwhile. */
const PATIENCE_MS = 1500

/** Closes a device that is asked for, if nobody else does so in time: then what still uses it fails with `closed`. */
export class LettingGo {
  readonly #device: Device
  #timer: Disposable | undefined
  #failure: unknown
  #forced = false

  constructor(device: Device) {
    this.#device = device
    const { gone } = device.notices
    if (gone.aborted) this.#begin()
    else gone.addEventListener('abort', () => this.#begin(), { once: true })
  }

  /**
   * Ends a session in order.
   * @throws what its steps failed with; but not that the device was closed, when it was closed here
   */
  async end(undo: Disposal): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    try {
      await undo[Symbol.asyncDispose]()
    } catch (error) {
      if (!this.#forced || !tellsOfClosing(error)) throw error
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  #begin(): void {
    this.#timer = this.#device.clock.setTimer(PATIENCE_MS, () => {
      this.#forced = true
      try {
        this.#device.close()
      } catch (error) {
        this.#failure = error
      }
    })
  }
}

const TELLS_OF_CLOSING: ReadonlySet<string | undefined> = new Set(['closed', 'device-gone', 'dma-unmapped'])

function tellsOfClosing(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(tellsOfClosing)
  return TELLS_OF_CLOSING.has(codeOf(error))
}
