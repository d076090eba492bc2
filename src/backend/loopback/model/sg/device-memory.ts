import type { Width } from '../../../../device/register-access.ts'
import type { RegisterFile } from '../registers.ts'

/** Memory inside the device: what lists move from and to, and what BAR 2 shows. */
export class DeviceMemory implements RegisterFile {
  readonly bytes: Uint8Array
  readonly #view: DataView

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.#view = new DataView(this.bytes.buffer)
  }

  read(offset: number, width: Width): bigint {
    if (width === 8) return this.#view.getBigUint64(offset, true)
    if (width === 4) return BigInt(this.#view.getUint32(offset, true))
    return BigInt(width === 2 ? this.#view.getUint16(offset, true) : this.#view.getUint8(offset))
  }

  write(offset: number, width: Width, value: bigint): void {
    if (width === 8) this.#view.setBigUint64(offset, value, true)
    else if (width === 4) this.#view.setUint32(offset, Number(value), true)
    else if (width === 2) this.#view.setUint16(offset, Number(value), true)
    else this.#view.setUint8(offset, Number(value))
  }
}
