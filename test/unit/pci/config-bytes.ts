/** Config spaces made by hand, from literal offsets, so that a decoder is not held against its own tables. */
export class ConfigBytes {
  readonly bytes: Uint8Array
  readonly #data: DataView

  /** @param headerType 0 for a device, 1 for a bridge */
  constructor(size = 256, headerType = 0) {
    this.bytes = new Uint8Array(size)
    this.#data = new DataView(this.bytes.buffer)
    this.put16(0x00, 0x1234).put16(0x02, 0x11e8).put8(0x0e, headerType)
  }

  put8(offset: number, value: number): this {
    this.#data.setUint8(offset, value)
    return this
  }

  put16(offset: number, value: number): this {
    this.#data.setUint16(offset, value, true)
    return this
  }

  put32(offset: number, value: number): this {
    this.#data.setUint32(offset, value, true)
    return this
  }

  /** Says that there is a list, and where it begins. */
  list(first: number): this {
    return this.put16(0x06, 0x0010).put8(0x34, first)
  }

  capability(offset: number, id: number, next: number): this {
    return this.put8(offset, id).put8(offset + 1, next)
  }

  extended(offset: number, id: number, next: number, version = 1): this {
    return this.put32(offset, id + version * 0x1_0000 + next * 0x10_0000)
  }
}
