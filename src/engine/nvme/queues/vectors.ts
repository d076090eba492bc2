import { ProbarError } from '../../../base/errors.ts'
import type { InterruptKind, Interrupts, Region } from '../../../device/contract.ts'
import { Register } from '../protocol/registers.ts'

/** The vectors of the queues: each completion queue its own, as long as there are so many. */
export class Vectors {
  readonly interrupts: Interrupts
  readonly available: boolean
  readonly #registers: Pick<Region, 'write32'>
  readonly #kind: InterruptKind
  readonly #count: number
  #armed = false

  /** @param queues pairs of queues, the admin queues among them */
  constructor(interrupts: Interrupts, registers: Pick<Region, 'write32'>, queues: number) {
    const { msi, msix } = interrupts.vectors
    this.interrupts = interrupts
    this.#registers = registers
    this.#kind = msix > 0 ? 'msix' : 'msi'
    this.#count = Math.min(queues, msix > 0 ? msix : msi)
    this.available = this.#count > 0
  }

  get armed(): boolean {
    return this.#armed
  }

  of(queue: number): number {
    return Math.min(queue, this.#count - 1)
  }

  count(vector: number): number {
    return this.interrupts.count(vector)
  }

  /** Only before their first use: a case may use the device's interrupts itself. @throws ProbarError interrupt-unavailable */
  arm(): void {
    if (!this.available) throw new ProbarError('interrupt-unavailable', 'the controller has neither MSI-X nor MSI')
    if (this.#armed) return
    this.interrupts.enable(this.#kind, this.#count)
    this.#armed = true
    // The mask registers are for the pin and for MSI only (section 3.1.3).
    if (this.#kind === 'msi') this.#registers.write32(Register.interruptMaskClear, 0xffff_ffff)
  }

  close(): void {
    if (this.#armed) this.interrupts.disable()
    this.#armed = false
  }
}
