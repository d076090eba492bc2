import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import type { InterruptKind, Interrupts, WaitOptions } from '../../device/contract.ts'
import { InterruptCounter } from '../../device/interrupt-counter.ts'
import type { DeviceFile, InterruptSet, VfioSurface } from '../../native/surface.ts'
import { InterruptIndex } from './uapi.ts'

/** Interrupts by eventfd: the kernel counts into the descriptor, a native thread waits on it. */
export class VfioInterrupts implements Interrupts {
  readonly vectors: Readonly<Record<InterruptKind, number>>
  readonly #native: VfioSurface
  readonly #file: DeviceFile
  readonly #counter: InterruptCounter
  #set: InterruptSet | undefined
  #closed = false

  constructor(native: VfioSurface, file: DeviceFile, clock: Clock) {
    this.#native = native
    this.#file = file
    this.#counter = new InterruptCounter(clock)
    const count = (kind: InterruptKind): number => native.interruptInfo(file, InterruptIndex[kind]).count
    this.vectors = { intx: count('intx'), msi: count('msi'), msix: count('msix') }
  }

  enable(kind: InterruptKind, vectors: number): void {
    this.#check()
    if (vectors < 1 || vectors > this.vectors[kind]) {
      throw new ProbarError(
        'interrupt-unavailable',
        `the device has ${this.vectors[kind]} ${kind} vectors, not ${vectors}`,
      )
    }
    if (this.#set !== undefined) {
      throw new ProbarError('capability-missing', 'interrupts are enabled already: disable them before')
    }
    this.#counter.reset(vectors)
    const notify = (vector: number, fired: number): void => this.#counter.fired(vector, fired)
    try {
      this.#set = this.#native.armInterrupts(this.#file, InterruptIndex[kind], vectors, notify)
    } catch (error) {
      this.#counter.reset(0)
      throw error
    }
  }

  disable(): void {
    if (this.#set === undefined) return
    const set = this.#set
    this.#set = undefined
    this.#counter.reset(0)
    this.#native.disarmInterrupts(set)
  }

  count(vector: number): number {
    this.#check()
    return this.#counter.count(vector)
  }

  async wait(vector: number, after: number, options: WaitOptions): Promise<number> {
    this.#check()
    return this.#counter.wait(vector, after, options)
  }

  trigger(vector: number): void {
    this.#check()
    this.#counter.count(vector)
    if (this.#set !== undefined) this.#native.triggerInterrupt(this.#set, vector)
  }

  close(): void {
    this.disable()
    this.#closed = true
  }

  #check(): void {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
  }
}
