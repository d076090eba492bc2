import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'

/** The guest writes its file every ten seconds; a host with every core busy was seen to let it wait for half a minute. */
const LOOK_MS = 10_000

/** The file in the shared folder that the guest writes while any of its processors works. */
export const HEARTBEAT = 'alive'

/**
 * Hears when a guest that has begun to write its heartbeat falls silent: with all processors idle no watchdog of its
 * kernel tells of it. Looks are counted, not times, so that a host that was asleep does not take its guest for dead.
 */
export class Heartbeat implements Disposable {
  /** Settles with the seconds for which there was no sign of life. */
  readonly lost: Promise<number>
  readonly #share: string
  readonly #clock: Clock
  readonly #limit: number
  #settle: (seconds: number) => void = () => undefined
  #timer: Disposable | undefined
  #last: number | undefined
  #silent = 0
  #over = false

  /** @param limitSeconds silence that a healthy guest does not keep */
  constructor(share: string, clock: Clock, limitSeconds: number) {
    this.#share = share
    this.#clock = clock
    this.#limit = limitSeconds * 1000
    this.lost = new Promise((resolve) => (this.#settle = resolve))
    this.#lookLater()
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#timer?.[Symbol.dispose]()
  }

  #lookLater(): void {
    if (this.#over) return
    this.#timer = this.#clock.setTimer(LOOK_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    const written = await stat(join(this.#share, HEARTBEAT)).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    )
    this.#silent = written === undefined || written !== this.#last ? 0 : this.#silent + LOOK_MS
    this.#last = written
    if (this.#silent >= this.#limit) this.#settle(this.#silent / 1000)
    else this.#lookLater()
  }
}
