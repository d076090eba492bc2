import type { Region } from '../../device/contract.ts'

/** Bytes of one access. */
const WORD = 4

/** The device's own memory, through BAR 2. */
export class DeviceMemory {
  readonly #bar: Pick<Region, 'readBlock' | 'writeBlock'>

  constructor(bar: Pick<Region, 'readBlock' | 'writeBlock'>) {
    this.#bar = bar
  }

  /** @param at a multiple of 4; up to 3 bytes behind the end are overwritten with zeros */
  put(at: number, bytes: Uint8Array): void {
    const words = new Uint32Array(Math.ceil(bytes.length / WORD))
    new Uint8Array(words.buffer).set(bytes)
    this.#bar.writeBlock(at, words)
  }

  /** @param at a multiple of 4 */
  take(at: number, length: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(length / WORD))
    this.#bar.readBlock(at, words)
    return new Uint8Array(words.buffer, 0, length)
  }
}
