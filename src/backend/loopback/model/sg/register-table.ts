import type { Width } from '../../../../device/register-access.ts'
import type { RegisterFile } from '../registers.ts'

/** A register of 4 or 8 bytes. */
export interface TableRegister {
  readonly offset: number
  /** 4 unless told. */
  readonly bytes?: 4 | 8
  /** 0 for one that is written only. */
  read(): bigint | number
  /** Absent where writes do nothing. */
  readonly write?: (value: bigint) => void
}

/**
 * Registers by their offsets. Reads of any width give the bytes that they touch, writes have 4 or 8 bytes; half of a
 * register of 8 bytes is written as 4. Offsets without a register read as 0, and take nothing.
 */
export class RegisterTable implements RegisterFile {
  readonly #registers = new Map<number, TableRegister>()

  constructor(registers: readonly TableRegister[]) {
    for (const register of registers) this.#registers.set(register.offset, register)
  }

  read(offset: number, width: Width): bigint {
    const register = this.#holding(offset)
    const rest = register === undefined ? 4 - (offset % 4) : register.offset + (register.bytes ?? 4) - offset
    if (rest < width) return this.read(offset, 4) | (this.read(offset + 4, 4) << 32n)
    if (register === undefined) return 0n
    return BigInt.asUintN(8 * width, BigInt(register.read()) >> BigInt(8 * (offset - register.offset)))
  }

  write(offset: number, width: Width, value: bigint): void {
    if (width < 4) return
    const register = this.#holding(offset)
    if (width === 8 && register?.bytes !== 8) {
      this.write(offset, 4, BigInt.asUintN(32, value))
      this.write(offset + 4, 4, value >> 32n)
      return
    }
    if (register?.write === undefined) return
    if (register.bytes !== 8 || width === 8) return register.write(value)
    const shift = BigInt(8 * (offset - register.offset))
    register.write((BigInt(register.read()) & ~(0xffff_ffffn << shift)) | (value << shift))
  }

  /** Registers lie at multiples of their size. */
  #holding(offset: number): TableRegister | undefined {
    const narrow = this.#registers.get(offset - (offset % 4))
    if (narrow !== undefined) return narrow
    const wide = this.#registers.get(offset - (offset % 8))
    return wide?.bytes === 8 ? wide : undefined
  }
}
