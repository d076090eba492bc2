import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import type { InterruptKind, Interrupts, WaitOptions } from '../../device/contract.ts'
import { InterruptCounter, notMaskable } from '../../device/interrupt-counter.ts'
import type { ModelConfigSpace } from './model/config-space.ts'
import type { InterruptLine, ModelShape } from './model/model.ts'
import type { Slot } from './slot.ts'

/** An interrupt is seen a little later than it is raised (30 µs is common in the virtual bench). */
const LATENCY_MS = 0.03

/** The messages of a modelled function, its INTx pin, and the platform's half behind them. */
export class LoopbackInterrupts implements Interrupts, InterruptLine {
  readonly vectors: Readonly<Record<InterruptKind, number>>
  readonly maskable = { intx: true, msi: false, msix: false }
  readonly #slot: Slot
  readonly #config: ModelConfigSpace
  readonly #clock: Clock
  readonly #counter: InterruptCounter
  readonly #underWay = new Set<Disposable>()
  #enabled: InterruptKind | undefined
  /** The device holds its pin active. */
  #asserted = false
  /** The platform keeps the pin from being seen. */
  #masked = false

  constructor(slot: Slot, config: ModelConfigSpace, clock: Clock, { vectors }: Pick<ModelShape, 'vectors'>) {
    this.#slot = slot
    this.#config = config
    this.#clock = clock
    this.#counter = new InterruptCounter(clock)
    this.vectors = vectors
  }

  enable(kind: InterruptKind, vectors: number): void {
    this.#slot.requireOpen()
    if (!Number.isInteger(vectors) || vectors < 1 || vectors > this.vectors[kind]) {
      throw new ProbarError(
        'interrupt-unavailable',
        `the device has ${this.vectors[kind]} ${kind} vectors, not ${vectors}`,
      )
    }
    if (this.#enabled !== undefined) {
      throw new ProbarError('capability-missing', `${this.#enabled} is enabled: disable it before`)
    }
    this.#enabled = kind
    this.#masked = false
    this.#counter.reset(vectors)
    this.#config.showEnabled(kind)
    this.#sense()
  }

  disable(): void {
    for (const message of this.#underWay) message[Symbol.dispose]()
    this.#underWay.clear()
    this.#enabled = undefined
    this.#config.showEnabled(undefined)
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
    this.#deliver(vector)
  }

  mask(vector: number): void {
    this.#requirePin(vector)
    this.#masked = true
  }

  unmask(vector: number): void {
    this.#requirePin(vector)
    this.#masked = false
    this.#sense()
  }

  /** Ends every wait, and those to come. */
  fail(error: ProbarError): void {
    this.#counter.fail(error)
  }

  /** A message is a write by the device, so it needs bus mastering; the pin is a level. */
  raise(_cause: number, vector = 0): void {
    if (this.#enabled === 'msi' || this.#enabled === 'msix') {
      if (this.#config.busMaster) this.#deliver(vector)
      return
    }
    this.#asserted = true
    this.#sense()
  }

  lower(): void {
    this.#asserted = false
  }

  /** The platform masks an active pin when it tells of it: else it would tell for ever. */
  #sense(): void {
    if (this.#enabled !== 'intx' || this.#config.intxDisabled || !this.#asserted || this.#masked) return
    this.#masked = true
    this.#deliver(0)
  }

  /** What is enabled, for those who plant defects. */
  protected get kind(): InterruptKind | undefined {
    return this.#enabled
  }

  #requirePin(vector: number): void {
    this.#slot.requireOpen()
    this.#counter.count(vector)
    if (this.#enabled !== 'intx') throw notMaskable(this.#enabled)
  }

  #deliver(vector: number): void {
    if (this.#enabled === undefined) return
    const message = this.#clock.setTimer(LATENCY_MS, () => {
      this.#underWay.delete(message)
      this.#counter.fired(vector)
    })
    this.#underWay.add(message)
  }
}
