import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import type { Block, BlockPlace, Halves, RegisterAccess } from './contract.ts'
import type { RegisterProgram } from './register-program/program.ts'

/** Bytes of one access. */
export type Width = 1 | 2 | 4 | 8

/** What a read gives that nobody answers. */
export const allOnes = (width: Width): bigint => (1n << BigInt(8 * width)) - 1n

/** The accesses of every width in terms of one load and one store. */
export abstract class WidthAccesses implements RegisterAccess {
  abstract readonly access64: RegisterAccess['access64']

  abstract readBlock(offset: number, into: Block, place?: BlockPlace): void
  abstract writeBlock(offset: number, from: Block, place?: BlockPlace): void
  abstract run(program: RegisterProgram): BigUint64Array

  /** Bytes of the region or view. */
  protected abstract readonly extent: number
  protected abstract load(offset: number, width: Width): bigint
  /** @param value unsigned, not cut to the width */
  protected abstract store(offset: number, width: Width, value: bigint): void

  read8(offset: number): number {
    return Number(this.load(offset, 1))
  }

  read16(offset: number): number {
    return Number(this.load(offset, 2))
  }

  read32(offset: number): number {
    return Number(this.load(offset, 4))
  }

  read64(offset: number, halves?: Halves): bigint {
    checkRegisterAccess(offset, 8, this.extent)
    if (halves !== undefined) return readHalves(this, offset, halves)
    if (this.access64 === 'halves') throw unnamedOrder()
    return this.load(offset, 8)
  }

  write8(offset: number, value: number): void {
    this.store(offset, 1, BigInt(value))
  }

  write16(offset: number, value: number): void {
    this.store(offset, 2, BigInt(value))
  }

  write32(offset: number, value: number): void {
    this.store(offset, 4, BigInt(value))
  }

  write64(offset: number, value: bigint, halves?: Halves): void {
    checkRegisterAccess(offset, 8, this.extent)
    if (halves !== undefined) return writeHalves(this, offset, value, halves)
    if (this.access64 === 'halves') throw unnamedOrder()
    this.store(offset, 8, value)
  }
}

/** Two reads of 4 bytes in the named order. @param offset checked before */
export function readHalves(registers: Pick<RegisterAccess, 'read32'>, offset: number, halves: Halves): bigint {
  const first = registers.read32(halves === 'low-first' ? offset : offset + 4)
  const second = registers.read32(halves === 'low-first' ? offset + 4 : offset)
  const [low, high] = halves === 'low-first' ? [first, second] : [second, first]
  return (BigInt(high) << 32n) | BigInt(low)
}

/** Two writes of 4 bytes in the named order. @param offset checked before */
export function writeHalves(
  registers: Pick<RegisterAccess, 'write32'>,
  offset: number,
  value: bigint,
  halves: Halves,
): void {
  checkRegisterValue(value, 8)
  const [low, high] = [Number(value & 0xffff_ffffn), Number(value >> 32n)]
  if (halves === 'low-first') registers.write32(offset, low)
  registers.write32(offset + 4, high)
  if (halves === 'high-first') registers.write32(offset, low)
}

/** Where no access has 8 bytes, and nobody said which half comes first. */
export const unnamedOrder = (): ProbarError =>
  new ProbarError(
    'register-width',
    "no access has 8 bytes here: name the order of the halves ('low-first' or 'high-first'), after the device's " +
      'manual, or use two accesses of 4 bytes',
  )

/** @param value unsigned @throws ProbarError range-outside when it does not fit the width */
export function checkRegisterValue(value: bigint, width: Width): void {
  if (value >= 0n && value < 1n << BigInt(8 * width)) return
  throw new ProbarError(
    'range-outside',
    `${value} is no unsigned value of ${width} bytes: use >>> 0 after bit operations`,
  )
}

/**
 * @param offset bytes from the start of the region or view
 * @param width of the access in bytes
 * @param size of the region or view in bytes
 * @throws ProbarError region-outside, region-misaligned
 */
export function checkRegisterAccess(offset: number, width: number, size: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset + width > size) {
    throw new ProbarError(
      'region-outside',
      `offset ${offset} with ${width} bytes is outside the ${hex(size)} bytes there`,
    )
  }
  checkRegisterAlignment(offset, width)
}

/** @throws ProbarError region-misaligned */
export function checkRegisterAlignment(offset: number, width: number): void {
  if (offset % width !== 0) {
    throw new ProbarError('region-misaligned', `offset ${hex(offset)} is no multiple of the access width ${width}`)
  }
}

/** All of a block before any of it is touched. @throws ProbarError as checkRegisterAccess */
export function checkBlock(offset: number, block: Block, place: BlockPlace, size: number): void {
  const width = block.BYTES_PER_ELEMENT
  if (block.length === 0) return
  checkRegisterAccess(offset, width, size)
  if (place === 'ascending') checkRegisterAccess(offset + (block.length - 1) * width, width, size)
}
