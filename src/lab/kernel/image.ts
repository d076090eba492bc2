import { ProbarError } from '../../base/errors.ts'

/** How the kernel inside a bzImage is compressed, by the first bytes of the payload. */
const MAGICS = [
  { compression: 'gzip', magic: [0x1f, 0x8b] },
  { compression: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { compression: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { compression: 'lz4', magic: [0x02, 0x21, 0x4c, 0x18] },
  { compression: 'none', magic: [0x7f, 0x45, 0x4c, 0x46] },
] as const
export type Compression = (typeof MAGICS)[number]['compression']

export interface Payload {
  readonly compression: Compression
  /** The compressed kernel, followed by its length when decompressed (4 bytes). */
  readonly bytes: Uint8Array
}

/** Offsets of the setup header (Documentation/arch/x86/boot.rst): fields, and the sector that the file starts with. */
const SETUP_SECTS = 0x1f1
const HEADER_MAGIC = 0x202
const PROTOCOL = 0x206
const PAYLOAD_OFFSET = 0x248
const PAYLOAD_LENGTH = 0x24c
const HEADER_END = 0x250
const SECTOR = 512

/**
 * Finds the kernel inside a bzImage. QEMU boots the kernel itself much faster than the bzImage, because
 * decompression under emulation takes seconds.
 * @throws ProbarError lab-boot-failed for a file that is no bzImage of boot protocol 2.08 or later
 */
export function payloadOf(image: Uint8Array): Payload {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  if (image.length < HEADER_END || view.getUint32(HEADER_MAGIC, true) !== 0x53726448) {
    throw new ProbarError('lab-boot-failed', 'the kernel image has no Linux boot header')
  }
  if (view.getUint16(PROTOCOL, true) < 0x208) {
    throw new ProbarError('lab-boot-failed', 'the kernel image is older than boot protocol 2.08')
  }
  const setupSectors = view.getUint8(SETUP_SECTS) || 4
  const start = (setupSectors + 1) * SECTOR + view.getUint32(PAYLOAD_OFFSET, true)
  const end = start + view.getUint32(PAYLOAD_LENGTH, true)
  if (end > image.length || end === start) {
    throw new ProbarError('lab-boot-failed', `the kernel image ends at ${image.length}, its payload at ${end}`)
  }
  const bytes = image.subarray(start, end)
  return { compression: compressionOf(bytes), bytes }
}

function compressionOf(bytes: Uint8Array): Compression {
  const known = MAGICS.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte))
  if (known === undefined) throw new ProbarError('lab-boot-failed', 'the kernel image is compressed in an unknown way')
  return known.compression
}
