import type { Clock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import type { InterruptKind, Interrupts, WaitOptions } from '../../device/contract.ts'
import { InterruptCounter, notMaskable } from '../../device/interrupt-counter.ts'
import type { DeviceFile, InterruptSet, VfioInterruptInfo, VfioSurface } from '../../native/surface.ts'
import { InterruptFlag, InterruptIndex } from './uapi.ts'

/** Interrupts by eventfd: the kernel counts into the descriptor, a native thread waits on it. */
export class VfioInterrupts implements Interrupts {
  readonly vectors: Readonly<Record<InterruptKind, number>>
  readonly maskable: Readonly<Record<InterruptKind, boolean>>
  readonly #native: VfioSurface
  readonly #file: DeviceFile
  readonly #counter: InterruptCounter
  #set: { readonly kind: InterruptKind; readonly handle: InterruptSet } | undefined
  #closed = false

  constructor(native: VfioSurface, file: DeviceFile, clock: Clock) {
    this.#native = native
    this.#file = file
    this.#counter = new InterruptCounter(clock)
    const ask = (kind: InterruptKind): VfioInterruptInfo => native.interruptInfo(file, InterruptIndex[kind])
    const [intx, msi, msix] = [ask('intx'), ask('msi'), ask('msix')]
    const masks = ({ flags }: VfioInterruptInfo): boolean => (flags & InterruptFlag.maskable) !== 0
    this.vectors = { intx: intx.count, msi: msi.count, msix: msix.count }
    this.maskable = { intx: masks(intx), msi: masks(msi), msix: masks(msix) }
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
      this.#set = { kind, handle: this.#native.armInterrupts(this.#file, InterruptIndex[kind], vectors, notify) }
    } catch (error) {
      this.#counter.reset(0)
      throw error
    }
  }

  disable(): void {
    if (this.#set === undefined) return
    const { handle } = this.#set
    this.#set = undefined
    this.#counter.reset(0)
    this.#native.disarmInterrupts(handle)
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
    if (this.#set !== undefined) this.#native.triggerInterrupt(this.#set.handle, vector)
  }

  mask(vector: number): void {
    this.#native.maskInterrupt(this.#maskableSet(vector), vector)
  }

  unmask(vector: number): void {
    this.#native.unmaskInterrupt(this.#maskableSet(vector), vector)
  }

  /** Ends every wait, and those to come. */
  fail(error: ProbarError): void {
    this.#counter.fail(error)
  }

  close(): void {
    this.disable()
    this.#closed = true
  }

  #maskableSet(vector: number): InterruptSet {
    this.#check()
    this.#counter.count(vector)
    if (this.#set === undefined || !this.maskable[this.#set.kind]) throw notMaskable(this.#set?.kind)
    return this.#set.handle
  }

  #check(): void {
    if (this.#closed) throw new ProbarError('closed', 'the device is closed')
  }
}
