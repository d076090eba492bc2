import { PAGE_SIZE } from '../../../base/pages.ts'
import type { BusMaster } from '../model/model.ts'
import type { Defects } from './defects.ts'

/** Unlike anything that a test would write. */
const STRAY = 0x5a

/** The device's way to the bus with what is planted into it. */
export function plantedBus(bus: BusMaster, defects: Defects): BusMaster {
  const start = (address: bigint): bigint => {
    if (defects.has('dma-page-offset-lost')) return address - (address % BigInt(PAGE_SIZE))
    return defects.has('dma-shifts-by-one') ? address + 1n : address
  }
  return {
    read(address, length, refused) {
      const received = new Uint8Array(length)
      if (defects.has('dma-reads-zeros')) return received
      const moved = movedBytes(address, length, defects)
      received.set(bus.read(start(address), moved, refused))
      return received
    },
    write(address, bytes, refused) {
      if (defects.has('dma-writes-lost')) return
      const moved = swapped(bytes.subarray(0, movedBytes(address, bytes.length, defects)), defects)
      bus.write(start(address), moved, refused)
      const end = address + BigInt(bytes.length)
      if (defects.has('dma-writes-one-byte-too-many') && !isPageStart(end)) bus.write(end, Uint8Array.of(STRAY))
      if (defects.has('dma-writes-before') && !isPageStart(address)) bus.write(address - 1n, Uint8Array.of(STRAY))
    },
  }
}

const isPageStart = (address: bigint): boolean => address % BigInt(PAGE_SIZE) === 0n

function movedBytes(address: bigint, length: number, defects: Defects): number {
  if (defects.has('dma-drops-last-byte')) return length - 1
  if (defects.has('dma-ignores-length-above-2048')) return Math.min(length, 2048)
  if (defects.has('dma-stops-at-page-end')) return Math.min(length, PAGE_SIZE - Number(address % BigInt(PAGE_SIZE)))
  return length
}

function swapped(bytes: Uint8Array, defects: Defects): Uint8Array {
  if (!defects.has('dma-swaps-bytes')) return bytes
  return bytes.map((byte, index) => bytes[index ^ 1] ?? byte)
}
