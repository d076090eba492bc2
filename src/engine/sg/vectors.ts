import { codeOf, ProbarError } from '../../base/errors.ts'
import type { Device, Interrupts } from '../../device/contract.ts'

/** By device: the engines for lists and for streams share its vectors, because a platform enables all at once. */
const users = new WeakMap<Device, Set<Vectors>>()

/** One engine's use of a device's MSI-X vectors. They are disabled when the last of its engines needs them no more. */
export class Vectors {
  /** Each channel has one of its own. */
  readonly available: boolean
  readonly interrupts: Interrupts
  readonly #device: Device
  readonly #count: number

  /** @param channels that the device has */
  constructor(device: Device, channels: number) {
    this.#device = device
    this.interrupts = device.interrupts
    this.#count = device.interrupts.vectors.msix
    this.available = this.#count >= channels
  }

  /** Only when one is needed: a case may use the device's interrupts itself. @throws ProbarError interrupt-unavailable */
  arm(): void {
    if (!this.available) {
      throw new ProbarError('interrupt-unavailable', 'sg has fewer MSI-X vectors here than channels')
    }
    if (!this.armed) this.interrupts.enable('msix', this.#count)
    const using = users.get(this.#device) ?? new Set()
    users.set(this.#device, using.add(this))
  }

  close(): void {
    const using = users.get(this.#device)
    if (using?.delete(this) === true && using.size === 0) this.interrupts.disable()
  }

  /** They are enabled, by whomever. */
  get armed(): boolean {
    try {
      this.interrupts.count(this.#count - 1)
      return true
    } catch (error) {
      if (codeOf(error) === 'interrupt-unavailable') return false
      throw error
    }
  }
}
