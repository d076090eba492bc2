import { codeOf } from '../../base/errors.ts'
import type { KEvent } from '../../ddi/kernel/event.ts'
import type { CyclicStream } from '../../engine/cyclic.ts'

/** The events of a stream's clients, and what sets them while the stream runs. */
export class Notifications {
  readonly #events = new Set<KEvent>()
  #seen = 0
  #stop: AbortController | undefined
  #pump: Promise<void> = Promise.resolve()
  #failure: unknown

  add(event: KEvent): void {
    this.#events.add(event)
  }

  /** @returns false for one that was not added */
  remove(event: KEvent): boolean {
    return this.#events.delete(event)
  }

  /** From now on each interrupt of the stream sets the events. */
  start(stream: CyclicStream): void {
    const stop = new AbortController()
    this.#stop = stop
    this.#seen = stream.notifications()
    this.#pump = this.#follow(stream, stop.signal)
  }

  /** Sets the events for interrupts that came late. @throws what the device failed with meanwhile */
  async end(stream: CyclicStream): Promise<void> {
    if (this.#stop === undefined) return
    await this.halt()
    this.#announce(stream.notifications())
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  /** Sets nothing any more. */
  async halt(): Promise<void> {
    this.#stop?.abort()
    this.#stop = undefined
    await this.#pump
  }

  async #follow(stream: CyclicStream, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#announce(await stream.notified(this.#seen, { signal }))
      } catch (error) {
        const code = codeOf(error)
        // A slow turn is no failure.
        if (code === 'timeout') continue
        if (code !== 'cancelled' && code !== 'closed') this.#failure = error
        return
      }
    }
  }

  #announce(count: number): void {
    for (; this.#seen < count; this.#seen++) for (const event of this.#events) event.KeSetEvent()
  }
}
