import { ProbarError } from '../../base/errors.ts'

/** The place in which the modelled function sits: open until closed, and perhaps empty although open. */
export class Slot {
  readonly ref: string
  #open = true
  #present = true

  constructor(ref: string) {
    this.ref = ref
  }

  get open(): boolean {
    return this.#open
  }

  /** False once the function fell off the bus: every read of it gives all ones, as of an empty slot. */
  get present(): boolean {
    return this.#present
  }

  fallOff(): void {
    this.#present = false
  }

  close(): void {
    this.#open = false
  }

  /** @throws ProbarError closed */
  requireOpen(): void {
    if (!this.#open) throw new ProbarError('closed', `${this.ref} is closed: open it again`)
  }
}
