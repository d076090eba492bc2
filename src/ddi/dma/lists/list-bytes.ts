import type { Va } from '../../../base/address.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { Bytes } from '../../layout/struct.ts'
import { SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST } from '../../layout/x64.ts'
import type { AdapterState } from '../state.ts'
import type { MappedRange } from '../transfer/mapped-range.ts'
import { ulong } from '../ulong.ts'

/** What the system keeps behind the elements of a list (DMA-002): a mark, and the list's own address. */
const PRIVATE_BYTES = 16
const MARK = 0x3076_6972_5061_6d44n

/** Bytes of a list of so many elements, private data of the system included (DMA-002). */
export const listSize = (elements: number): number =>
  SCATTER_GATHER_LIST.size + elements * SCATTER_GATHER_ELEMENT.size + PRIVATE_BYTES

/** Elements for which a buffer of so many bytes has room; 0 or less for none. */
export const elementsIn = (bytes: number): number =>
  Math.floor((bytes - SCATTER_GATHER_LIST.size - PRIVATE_BYTES) / SCATTER_GATHER_ELEMENT.size)

/** Elements that the mapped range takes. */
export function countElements(state: AdapterState, mapped: MappedRange): number {
  return write(state, mapped, new Uint8Array())
}

/**
 * Writes header, elements and private data; where there are more elements than the bytes have room for, only the first of
 * them.
 * @param bytes 8-byte aligned
 * @returns the number of elements that the range takes
 */
export function writeList(state: AdapterState, mapped: MappedRange, memory: ListMemory): number {
  const { address, data } = memory
  const room = elementsIn(data.byteLength)
  const target = new Uint8Array(
    data.buffer,
    data.byteOffset + SCATTER_GATHER_LIST.size,
    room * SCATTER_GATHER_ELEMENT.size,
  )
  const count = write(state, mapped, target)
  if (count > room) {
    memory.store?.(data)
    return count
  }
  data.setUint32(SCATTER_GATHER_LIST.fields.NumberOfElements.offset, count, true)
  data.setBigUint64(SCATTER_GATHER_LIST.fields.Reserved.offset, 0n, true)
  const behind = listSize(count) - PRIVATE_BYTES
  data.setBigUint64(behind, MARK, true)
  data.setBigUint64(behind + 8, address, true)
  memory.store?.(data)
  return count
}

/** Sum of the lengths of the first elements. */
export function bytesOfElements({ data }: Bytes, elements: number): number {
  const { size, fields } = SCATTER_GATHER_ELEMENT
  const lengths = new Uint32Array(data.buffer, data.byteOffset + SCATTER_GATHER_LIST.size, (elements * size) / 4)
  let sum = 0
  for (let at = fields.Length.offset / 4; at < lengths.length; at += size / 4) sum += lengths[at] ?? 0
  return sum
}

/** True while the private data behind a list of so many elements is what the system wrote. */
export function isWhole({ address, data }: Bytes, elements: number): boolean {
  const behind = listSize(elements) - PRIVATE_BYTES
  return data.getBigUint64(behind, true) === MARK && data.getBigUint64(behind + 8, true) === address
}

/** A single element is not cut: it was placed where the platform's limits let it be (DMA-024). */
function write(state: AdapterState, { segments, offset, length }: MappedRange, target: Uint8Array): number {
  const { longestElement, boundary } = state.scatterGather
    ? state.platform
    : { longestElement: 0xffff_ffff, boundary: 0 }
  const { native } = state.kernel.frames
  return native.writeElements(target, segments.bus, segments.lengths, offset, length, longestElement, boundary)
}

/** Where a list lies. In a view `data` is a copy, made anew each time, and `store` writes one back. */
export interface ListMemory extends Bytes {
  readonly store?: (data: DataView) => void
}

/**
 * The caller's memory at an address: pool, or a view of pages.
 * @throws CallerError where there is none, or it is not aligned to 8 bytes
 */
export function callersMemory(kernel: Kernel, routine: string, address: Va, length: number): ListMemory {
  ulong(length, 'ScatterGatherLength')
  const { frames, memory, ledger } = kernel
  const raise = (text: string): never => ledger.raise({ rule: 'DMA-026', routine, text })
  if (address % 8n !== 0n) raise('the buffer is not aligned to 8 bytes')
  const home = Number(address) - Number(frames.address)
  if (home >= 0 && home + length <= frames.size) {
    return { address, data: new DataView(frames.native.bytes(frames.area), home, length) }
  }
  const found = memory.find(address)
  if (found?.placed.kind !== 'memory' || found.offset + length > found.placed.size) {
    return raise(`there are no ${length} bytes of the caller's memory`)
  }
  return {
    address,
    get data() {
      const { buffer, byteOffset, byteLength } = memory.read(address, length).slice()
      return new DataView(buffer, byteOffset, byteLength)
    },
    store: ({ buffer, byteOffset, byteLength }) =>
      memory.write(address, new Uint8Array(buffer, byteOffset, byteLength)),
  }
}
