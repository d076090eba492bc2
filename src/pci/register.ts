/**
 * Registers of config space as data: which bits mean what, and the section that says so. Reading them is one function, so
 * that a capability's file holds nothing but the specification's facts.
 */
export type FieldValue = boolean | number | string

export interface FieldSpec {
  /** As lspci abbreviates it where it has an abbreviation, because that is what people search for. */
  readonly label: string
  readonly low: number
  readonly width: number
  readonly unit?: string
  readonly value: (raw: number) => FieldValue
}

export interface RegisterSpec {
  readonly name: string
  /** Bytes from the start of the capability, or of config space for the header. */
  readonly offset: number
  /** Bytes. */
  readonly width: 1 | 2 | 4
  /** Where it is specified: `PCIe 7.5.3.4` is that section of the PCI Express Base Specification 5.0. */
  readonly section: string
  readonly fields: readonly FieldSpec[]
}

export interface DecodedField {
  readonly label: string
  readonly value: FieldValue
  readonly unit?: string
}

export interface DecodedRegister {
  readonly name: string
  /** Bytes from the start of config space. */
  readonly offset: number
  readonly width: 1 | 2 | 4
  readonly section: string
  /** Unsigned. */
  readonly value: number
  readonly fields: readonly DecodedField[]
}

export function register(
  name: string,
  offset: number,
  width: 1 | 2 | 4,
  section: string,
  fields: readonly FieldSpec[],
): RegisterSpec {
  return { name, offset, width, section, fields }
}

export const flag = (bit: number, label: string): FieldSpec => ({
  label,
  low: bit,
  width: 1,
  value: (raw) => raw === 1,
})

/** A number, after `value` where the register does not hold it as it is. */
export function number(
  low: number,
  width: number,
  label: string,
  { unit, value = (raw) => raw }: { readonly unit?: string; readonly value?: (raw: number) => number | string } = {},
): FieldSpec {
  return unit === undefined ? { label, low, width, value } : { label, low, width, unit, value }
}

/** One of several named states, in the order of their codes; a code without a name is shown as such. */
export function choice(
  low: number,
  width: number,
  label: string,
  names: readonly string[] | Readonly<Record<number, string>>,
): FieldSpec {
  const table: Readonly<Record<number, string>> = { ...names }
  return { label, low, width, value: (raw) => table[raw] ?? `reserved (${raw})` }
}

/** An offset or address: the field's value times `scale`, as lowercase `0x` string. */
export const address = (low: number, width: number, label: string, scale = 2 ** low): FieldSpec => ({
  label,
  low,
  width,
  value: (raw) => `0x${(raw * scale).toString(16)}`,
})

/** Bits of a register's unsigned value. */
export const bitsOf = (value: number, low: number, width: number): number => Math.floor(value / 2 ** low) % 2 ** width

/** The unsigned little-endian number, or undefined where the bytes don't reach. */
export function readUnsigned(bytes: Uint8Array, offset: number, width: 1 | 2 | 4): number | undefined {
  if (offset < 0 || offset + width > bytes.length) return undefined
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (width === 1) return data.getUint8(offset)
  return width === 2 ? data.getUint16(offset, true) : data.getUint32(offset, true)
}

/** Registers that lie within the bytes at hand; one that doesn't is left out. `base` is where the capability starts. */
export function decodeRegisters(
  specs: readonly RegisterSpec[],
  bytes: Uint8Array,
  base = 0,
): readonly DecodedRegister[] {
  return specs.flatMap(({ name, offset, width, section, fields }) => {
    const value = readUnsigned(bytes, base + offset, width)
    if (value === undefined) return []
    const decoded = fields.map((field) => decodeField(field, value))
    return [{ name, offset: base + offset, width, section, value, fields: decoded }]
  })
}

function decodeField({ label, low, width, unit, value }: FieldSpec, register: number): DecodedField {
  const decoded = { label, value: value(bitsOf(register, low, width)) }
  return unit === undefined ? decoded : { ...decoded, unit }
}

/** A field by the names of its register and itself; undefined where there is none. */
export function fieldOf(registers: readonly DecodedRegister[], name: string, label: string): FieldValue | undefined {
  const found = registers.find((one) => one.name === name)
  return found?.fields.find((field) => field.label === label)?.value
}
