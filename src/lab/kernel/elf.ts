import { ProbarError } from '../../base/errors.ts'

/** What the bench needs of the ELF format (64 bit, little endian): a section by name, and whether a program is static. */
const MAGIC = 0x464c457f
const PT_INTERP = 3

/** @throws ProbarError lab-boot-failed when the bytes are no 64-bit little-endian ELF file */
function open(file: Uint8Array): DataView {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 64 || view.getUint32(0, true) !== MAGIC || view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new ProbarError('lab-boot-failed', 'not a 64-bit little-endian ELF file')
  }
  return view
}

/** The bytes of a section, or undefined when the file has none of that name. */
export function sectionOf(file: Uint8Array, name: string): Uint8Array | undefined {
  const view = open(file)
  const offset = Number(view.getBigUint64(0x28, true))
  const size = view.getUint16(0x3a, true)
  const count = view.getUint16(0x3c, true)
  const section = (index: number): { readonly name: number; readonly bytes: Uint8Array } => {
    const at = offset + index * size
    const start = Number(view.getBigUint64(at + 0x18, true))
    return {
      name: view.getUint32(at, true),
      bytes: file.subarray(start, start + Number(view.getBigUint64(at + 0x20, true))),
    }
  }
  const names = section(view.getUint16(0x3e, true)).bytes
  for (let index = 0; index < count; index += 1) {
    const found = section(index)
    if (text(names, found.name) === name) return found.bytes
  }
  return undefined
}

/** Whether the program starts without a dynamic loader, as it must in a guest that has no libraries yet. */
export function isStatic(file: Uint8Array): boolean {
  const view = open(file)
  const offset = Number(view.getBigUint64(0x20, true))
  const size = view.getUint16(0x36, true)
  const count = view.getUint16(0x38, true)
  return !Array.from({ length: count }, (_, index) => view.getUint32(offset + index * size, true)).includes(PT_INTERP)
}

/** The zero-terminated string at an offset. */
function text(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at)
  return Buffer.from(bytes.subarray(at, end < 0 ? bytes.length : end)).toString('latin1')
}
