import type { Clock } from '../../base/clock.ts'
import { codeOf, ProbarError } from '../../base/errors.ts'
import type { Fault, FaultLog, FaultWatch, WaitOptions } from '../../device/contract.ts'
import { InterruptCounter } from '../../device/interrupt-counter.ts'
import type { Slot } from './slot.ts'

/** Takes the accesses that the simulated IOMMU refused. */
export interface FaultSink {
  record(fault: Fault): void
}

/** The simulated IOMMU's fault log; it drops nothing and needs no pause. */
export class LoopbackFaultLog implements FaultLog, FaultSink {
  readonly observable = true
  readonly #slot: Slot
  readonly #clock: Clock
  readonly #watches = new Set<Watch>()

  constructor(slot: Slot, clock: Clock) {
    this.#slot = slot
    this.#clock = clock
  }

  record(fault: Fault): void {
    for (const watch of this.#watches) watch.record(fault)
  }

  async watch(signal?: AbortSignal): Promise<FaultWatch> {
    this.#slot.requireOpen()
    if (signal?.aborted === true) {
      throw new ProbarError('cancelled', 'the watch for faults was cancelled', { cause: signal.reason })
    }
    const watch = new Watch(this.#clock, () => this.#watches.delete(watch))
    this.#watches.add(watch)
    return watch
  }

  close(): void {
    for (const watch of this.#watches) watch[Symbol.dispose]()
  }
}

/** Faults since the watch began, handed out in their order. */
class Watch implements FaultWatch {
  readonly #arrivals: InterruptCounter
  readonly #left: () => void
  readonly #faults: Fault[] = []
  #taken = 0
  #open = true

  constructor(clock: Clock, left: () => void) {
    this.#arrivals = new InterruptCounter(clock)
    this.#arrivals.reset(1)
    this.#left = left
  }

  record(fault: Fault): void {
    this.#faults.push(fault)
    this.#arrivals.fired(0)
  }

  async next(options: WaitOptions): Promise<Fault | undefined> {
    if (!this.#open) throw closed()
    try {
      await this.#arrivals.wait(0, this.#taken, options)
    } catch (error) {
      if (codeOf(error) === 'timeout') return undefined
      throw error
    }
    return this.#faults[this.#taken++]
  }

  [Symbol.dispose](): void {
    this.#open = false
    this.#left()
    this.#arrivals.rejectAll(closed())
  }
}

const closed = (): ProbarError => new ProbarError('closed', 'this watch for faults has ended: begin a new one')
