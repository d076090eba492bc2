import { PAGE_SIZE } from '../../../base/pages.ts'

/** What of Identify Controller is used (NVM Express Base Specification 1.4, section 5.15.2.2, figure 251). */
export interface ControllerData {
  readonly vendor: number
  readonly serial: string
  readonly model: string
  readonly firmware: string
  /** Bytes that one command may move (MDTS, in pages of CAP.MPSMIN); Infinity for no limit. */
  readonly maxTransfer: number
  /** Number of the highest namespace. */
  readonly namespaces: number
  /** Of SGLs in commands of the NVM command set: the bytes of which addresses and lengths are multiples, or undefined. */
  readonly sglAlignment: 1 | 4 | undefined
}

/** @param bytes 4096 of them @param leastPage bytes of the smallest memory page, CAP.MPSMIN */
export function decodeController(bytes: Uint8Array, leastPage = PAGE_SIZE): ControllerData {
  const view = viewOf(bytes)
  const mdts = view.getUint8(77)
  return {
    vendor: view.getUint16(0, true),
    serial: text(bytes, 4, 20),
    model: text(bytes, 24, 40),
    firmware: text(bytes, 64, 8),
    maxTransfer: mdts === 0 ? Infinity : leastPage * 2 ** mdts,
    namespaces: view.getUint32(516, true),
    sglAlignment: ([undefined, 1, 4] as const)[view.getUint32(536, true) & 0x3],
  }
}

/** What of Identify Namespace is used (section 5.15.2.1, figure 249). */
export interface NamespaceData {
  /** Logical blocks (NSZE); 0 for a namespace that there is not. */
  readonly blocks: bigint
  /** Bytes of a logical block, by the format in use. */
  readonly blockSize: number
  /** Bytes of metadata with every block. */
  readonly metadata: number
  /** Type of end-to-end protection; 0 for none. */
  readonly protection: number
}

/** @param bytes 4096 of them */
export function decodeNamespace(bytes: Uint8Array): NamespaceData {
  const view = viewOf(bytes)
  const format = view.getUint32(128 + 4 * (view.getUint8(26) & 0xf), true)
  return {
    blocks: view.getBigUint64(0, true),
    blockSize: 2 ** ((format >>> 16) & 0xff),
    metadata: format & 0xffff,
    protection: view.getUint8(29) & 0x7,
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** ASCII, padded with spaces. */
const text = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length)).trimEnd()
