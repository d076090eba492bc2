import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import type { InterruptKind, Interrupts, WaitOptions } from '../../device/contract.ts'
import { InterruptCounter } from '../../device/interrupt-counter.ts'
import type { EduConfigSpace } from './model/config-space.ts'
import type { InterruptLine } from './model/edu.ts'
import type { Slot } from './slot.ts'

/** An interrupt is seen a little later than it is raised (30 µs is common in the virtual bench). */
const LATENCY_MS = 0.03

/** edu's one MSI vector and its INTx pin, and the platform's half behind them. */
export class LoopbackInterrupts implements Interrupts, InterruptLine {
  readonly vectors = { intx: 1, msi: 1, msix: 0 }
  readonly #slot: Slot
  readonly #config: EduConfigSpace
  readonly #clock: Clock
  readonly #counter: InterruptCounter
  readonly #underWay = new Set<Disposable>()
  #enabled: InterruptKind | undefined
  #asserted = false

  constructor(slot: Slot, config: EduConfigSpace, clock: Clock) {
    this.#slot = slot
    this.#config = config
    this.#clock = clock
    this.#counter = new InterruptCounter(clock)
  }

  enable(kind: InterruptKind, vectors: number): void {
    this.#slot.requireOpen()
    if (this.#enabled !== undefined && this.#enabled !== kind) {
      throw new ProbarError('capability-missing', `${this.#enabled} is enabled: disable it before ${kind}`)
    }
    if (!Number.isInteger(vectors) || vectors < 1 || vectors > this.vectors[kind]) {
      throw new ProbarError(
        'interrupt-unavailable',
        `the device has ${this.vectors[kind]} ${kind} vectors, not ${vectors}`,
      )
    }
    this.disable()
    this.#enabled = kind
    this.#counter.reset(vectors)
    this.#config.showMsi(kind === 'msi')
    if (kind === 'intx' && this.#asserted) this.#deliver()
  }

  disable(): void {
    for (const message of this.#underWay) message[Symbol.dispose]()
    this.#underWay.clear()
    this.#enabled = undefined
    this.#config.showMsi(false)
    this.#counter.reset(0)
  }

  count(vector: number): number {
    this.#slot.requireOpen()
    return this.#counter.count(vector)
  }

  async wait(vector: number, after: number, options: WaitOptions): Promise<number> {
    this.#slot.requireOpen()
    return this.#counter.wait(vector, after, options)
  }

  trigger(vector: number): void {
    this.#slot.requireOpen()
    this.#counter.count(vector)
    this.#deliver()
  }

  /** An MSI is a write by the device, so it needs bus mastering; the pin counts each time it goes active. */
  raise(_cause: number): void {
    if (this.#enabled === 'msi') {
      if (this.#config.busMaster) this.#deliver()
      return
    }
    if (this.#config.intxDisabled || this.#asserted) return
    this.#asserted = true
    this.#deliver()
  }

  lower(): void {
    this.#asserted = false
  }

  #deliver(): void {
    if (this.#enabled === undefined) return
    const message = this.#clock.setTimer(LATENCY_MS, () => {
      this.#underWay.delete(message)
      this.#counter.fired(0)
    })
    this.#underWay.add(message)
  }
}
