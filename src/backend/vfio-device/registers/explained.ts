import type { Block, BlockPlace, ConfigSpace, Halves, RegisterAccess } from '../../../device/contract.ts'
import type { RegisterProgram } from '../../../device/register-program/program.ts'
import { explainLoss } from './loss.ts'

/** The same registers; where the device does not answer, the error says why, as far as config space tells. */
export class ExplainedRegisters implements RegisterAccess {
  readonly access64: RegisterAccess['access64']
  readonly #registers: RegisterAccess
  readonly #config: ConfigSpace

  constructor(registers: RegisterAccess, config: ConfigSpace) {
    this.access64 = registers.access64
    this.#registers = registers
    this.#config = config
  }

  read8(offset: number): number {
    return this.#access(() => this.#registers.read8(offset))
  }

  read16(offset: number): number {
    return this.#access(() => this.#registers.read16(offset))
  }

  read32(offset: number): number {
    return this.#access(() => this.#registers.read32(offset))
  }

  read64(offset: number, halves?: Halves): bigint {
    return this.#access(() => this.#registers.read64(offset, halves))
  }

  write8(offset: number, value: number): void {
    this.#access(() => this.#registers.write8(offset, value))
  }

  write16(offset: number, value: number): void {
    this.#access(() => this.#registers.write16(offset, value))
  }

  write32(offset: number, value: number): void {
    this.#access(() => this.#registers.write32(offset, value))
  }

  write64(offset: number, value: bigint, halves?: Halves): void {
    this.#access(() => this.#registers.write64(offset, value, halves))
  }

  readBlock(offset: number, into: Block, place?: BlockPlace): void {
    this.#access(() => this.#registers.readBlock(offset, into, place))
  }

  writeBlock(offset: number, from: Block, place?: BlockPlace): void {
    this.#access(() => this.#registers.writeBlock(offset, from, place))
  }

  run(program: RegisterProgram): BigUint64Array {
    return this.#access(() => this.#registers.run(program))
  }

  #access<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw explainLoss(error, this.#config)
    }
  }
}
