import { ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import type { RegisterAccess } from './contract.ts'

/** Bytes of one access. */
export type Width = 1 | 2 | 4 | 8

/** The accesses of every width in terms of one load and one store. */
export abstract class WidthAccesses implements RegisterAccess {
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

  read64(offset: number): bigint {
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

  write64(offset: number, value: bigint): void {
    this.store(offset, 8, value)
  }
}

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
  if (offset % width !== 0) {
    throw new ProbarError('region-misaligned', `offset ${hex(offset)} is no multiple of the access width ${width}`)
  }
}
