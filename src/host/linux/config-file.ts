import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { functionAbsent, ifPresent } from './gone.ts'

/** A folder a PCI function. */
export const SYSFS = '/sys/bus/pci/devices'

const HEADER_SIZE = 64

/** Config space as far as the kernel shows it to this user. */
export interface ConfigFile {
  readonly bytes: Uint8Array
  /** Bytes that the function has: 256, or 4096 for PCI Express. */
  readonly size: number
}

/**
 * Reads all of a function's config space that the kernel gives: without CAP_SYS_ADMIN only the first 64 bytes (128 of a
 * CardBus bridge). Reading wakes a function that sleeps, and changes nothing of it.
 * @throws ProbarError device-absent
 */
export function readConfigFile(address: string, sysfs: string = SYSFS): ConfigFile {
  const found = ifPresent(() => read(join(sysfs, address, 'config'), Number.POSITIVE_INFINITY))
  if (found === undefined) throw functionAbsent(address)
  return found
}

/** The first 64 bytes, which every user can read; a listing has no business behind them. */
export function readConfigHeader(address: string, sysfs: string = SYSFS): Uint8Array {
  return read(join(sysfs, address, 'config'), HEADER_SIZE).bytes
}

function read(path: string, most: number): ConfigFile {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const bytes = new Uint8Array(Math.min(size, most))
    let length = 0
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, length)
      if (count === 0) break
      length += count
    }
    return { bytes: bytes.slice(0, length), size }
  } finally {
    closeSync(file)
  }
}
