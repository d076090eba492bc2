import { type Va, va } from '../../base/address.ts'
import type { Field, FieldType, Layout } from './layout.ts'

/** A stretch of memory at an address, as a DataView over the very bytes that a driver would see. */
export interface Bytes {
  readonly address: Va
  readonly data: DataView
}

type Value<Type extends FieldType> = Type extends 'u64' ? bigint : number

/** A Windows structure: members are read from and written to its bytes, little endian, nothing is kept beside them. */
export class Struct<L extends Layout> {
  readonly layout: L
  readonly address: Va
  readonly #data: DataView
  readonly #base: number

  /** @param offset bytes from the start of `bytes` */
  constructor(layout: L, bytes: Bytes, offset = 0) {
    if (offset + layout.size > bytes.data.byteLength) throw new RangeError(`${layout.name} at ${offset} has no room`)
    this.layout = layout
    this.address = va(bytes.address + BigInt(offset))
    this.#data = bytes.data
    this.#base = offset
  }

  get<Name extends keyof L['fields']>(name: Name): Value<L['fields'][Name]['type']> {
    return readField(this.#data, this.#base, this.#field(name)) as Value<L['fields'][Name]['type']>
  }

  set<Name extends keyof L['fields']>(name: Name, value: Value<L['fields'][Name]['type']>): void {
    writeField(this.#data, this.#base, this.#field(name), value)
  }

  /** All its bytes, as they are now. */
  copy(): Uint8Array {
    const start = this.#data.byteOffset + this.#base
    return new Uint8Array(this.#data.buffer.slice(start, start + this.layout.size))
  }

  #field(name: keyof L['fields']): Field {
    const field = this.layout.fields[name as string]
    if (field === undefined) throw new RangeError(`${this.layout.name} has no member ${String(name)}`)
    return field
  }
}

function readField(data: DataView, base: number, field: Field): number | bigint {
  const at = base + field.offset
  switch (field.type) {
    case 'u8':
      return data.getUint8(at)
    case 'u16':
      return data.getUint16(at, true)
    case 'u32':
      return data.getUint32(at, true)
    case 'u64':
      return data.getBigUint64(at, true)
  }
}

function writeField(data: DataView, base: number, field: Field, value: number | bigint): void {
  const at = base + field.offset
  switch (field.type) {
    case 'u8':
      return data.setUint8(at, Number(value))
    case 'u16':
      return data.setUint16(at, Number(value), true)
    case 'u32':
      return data.setUint32(at, Number(value), true)
    case 'u64':
      return data.setBigUint64(at, BigInt(value), true)
  }
}
