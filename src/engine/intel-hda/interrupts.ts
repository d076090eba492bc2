import { codeOf, ProbarError } from '../../base/errors.ts'
import type { Device, InterruptKind } from '../../device/contract.ts'

/** Milliseconds of one wait; another follows. */
const WAIT_MS = 60_000
const KINDS: readonly InterruptKind[] = ['msi', 'msix', 'intx']

/** Hands the controller's one interrupt to who looks after the streams, as long as any stream wants it. */
export class StreamInterrupts {
  readonly #device: Device
  readonly #serve: () => void
  readonly #lost: (error: ProbarError) => void
  readonly #kind: InterruptKind | undefined
  readonly #wanting = new Set<object>()
  #enabled = false
  #waiting: AbortController | undefined

  /**
   * @param serve acknowledges what is there; called once for each interrupt at least
   * @param lost no interrupt will come any more, and why
   */
  constructor(device: Device, serve: () => void, lost: (error: ProbarError) => void) {
    this.#device = device
    this.#serve = serve
    this.#lost = lost
    this.#kind = KINDS.find((kind) => device.interrupts.vectors[kind] > 0)
  }

  get available(): boolean {
    return this.#kind !== undefined
  }

  /** From here on interrupts are served, until all who wanted have let go. */
  want(user: object): void {
    if (this.#kind === undefined) return
    this.#wanting.add(user)
    if (!this.#enabled) this.#device.interrupts.enable(this.#kind, 1)
    this.#enabled = true
    if (this.#waiting !== undefined) return
    this.#waiting = new AbortController()
    void this.#loop(this.#device.interrupts.count(0), this.#waiting.signal)
  }

  release(user: object): void {
    this.#wanting.delete(user)
    if (this.#wanting.size > 0) return
    this.#waiting?.abort()
    this.#waiting = undefined
  }

  close(): void {
    this.#wanting.clear()
    this.#waiting?.abort()
    this.#waiting = undefined
    if (this.#enabled) this.#device.interrupts.disable()
    this.#enabled = false
  }

  /** Ends by itself with the signal, or when interrupts are disabled, or when there are none any more. */
  async #loop(seen: number, signal: AbortSignal): Promise<void> {
    let last = seen
    while (!signal.aborted) {
      try {
        last = await this.#device.interrupts.wait(0, last, { timeoutMs: WAIT_MS, signal })
      } catch (error) {
        if (codeOf(error) === 'timeout') continue
        if (error instanceof ProbarError && error.code !== 'cancelled') this.#lost(error)
        return
      }
      this.#serve()
      if (this.#kind === 'intx') this.#device.interrupts.unmask(0)
    }
  }
}
