import { type Va, distance } from '../../base/address.ts'
import { Segments } from '../../device/segments.ts'
import type { Kernel } from '../../ddi/kernel/kernel.ts'
import { KSMAPPING } from '../../ddi/layout/x64-ks.ts'

/** Behind each KSMAPPING this driver keeps a ULONGLONG: the bytes that the device has put there (KSM-013). */
const CONTEXT = { offset: KSMAPPING.size, size: 8 } as const

/** Bytes from one entry to the next: above 16, so Mappings[i] in C would be wrong from the second on (KSM-014). */
export const MAPPING_TABLE_STRIDE = KSMAPPING.size + CONTEXT.size

/**
 * A frame's mapping table as a driver sees it: bytes at an address, for as long as a clone keeps the frame (KSM-027).
 * AVStream has it in nonpaged pool, which the driver reads through the home view.
 */
export class MappingEntries {
  /** One descriptor an entry, in the frame's order (KSM-020, KSM-023). */
  readonly segments: Segments
  readonly #kernel: Kernel
  readonly #start: number
  /** Kept, so that a frame of many entries is not gone through at each. */
  #total = 0

  /**
   * @param mappings the address of the frame's first entry; NULL where there is none
   * @param count entries
   */
  constructor(kernel: Kernel, mappings: Va, count: number) {
    this.#kernel = kernel
    this.#start = count === 0 ? 0 : distance(kernel.frames.address, mappings)
    this.segments = new Segments(new BigUint64Array(count), new Float64Array(count))
    const table = this.#table()
    const { PhysicalAddress, ByteCount } = KSMAPPING.fields
    for (let i = 0; i < count; i++) {
      const entry = i * MAPPING_TABLE_STRIDE
      this.segments.bus[i] = table.getBigUint64(entry + PhysicalAddress.offset, true)
      this.segments.lengths[i] = table.getUint32(entry + ByteCount.offset, true)
    }
  }

  get count(): number {
    return this.segments.count
  }

  /** Writes into the entry's context what the device has put there. Once for each entry. */
  landed(index: number, bytes: number): void {
    const context = this.#start + index * MAPPING_TABLE_STRIDE + CONTEXT.offset
    this.#kernel.frames.write(context, new Uint8Array(BigUint64Array.of(BigInt(bytes)).buffer))
    this.#total += this.#at(context)
  }

  /** What the contexts say in all: DataUsed is bytes, and the driver's to count (KSM-037). */
  get total(): number {
    return this.#total
  }

  #at(context: number): number {
    const { buffer, byteOffset } = this.#kernel.frames.read(context, CONTEXT.size)
    return Number(new DataView(buffer, byteOffset).getBigUint64(0, true))
  }

  #table(): DataView {
    const { buffer, byteOffset, byteLength } = this.#kernel.frames.read(this.#start, this.count * MAPPING_TABLE_STRIDE)
    return new DataView(buffer, byteOffset, byteLength)
  }
}
