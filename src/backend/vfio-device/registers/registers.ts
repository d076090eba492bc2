import { ProbarError } from '../../../base/errors.ts'
import type { Block, BlockPlace, Halves, RegisterAccess } from '../../../device/contract.ts'
import {
  type Width,
  WidthAccesses,
  checkBlock,
  checkRegisterAccess,
  readHalves,
  unnamedOrder,
  writeHalves,
} from '../../../device/register-access.ts'
import type { RegisterProgram } from '../../../device/register-program/program.ts'
import type { Area, DeviceFile, MemorySurface, VfioSurface } from '../../../native/surface.ts'
import { runNative } from './native-program.ts'

type Surface = MemorySurface & VfioSurface

/** Registers in a mapped area: each access is one native load or store of its width. */
export class MappedRegisters implements RegisterAccess {
  readonly access64 = 'whole'
  readonly #native: Surface
  readonly #area: Area
  readonly #size: number

  constructor(native: Surface, area: Area, size: number) {
    this.#native = native
    this.#area = area
    this.#size = size
  }

  read8(offset: number): number {
    checkRegisterAccess(offset, 1, this.#size)
    return this.#native.load8(this.#area, offset)
  }

  read16(offset: number): number {
    checkRegisterAccess(offset, 2, this.#size)
    return this.#native.load16(this.#area, offset)
  }

  read32(offset: number): number {
    checkRegisterAccess(offset, 4, this.#size)
    return this.#native.load32(this.#area, offset)
  }

  read64(offset: number, halves?: Halves): bigint {
    checkRegisterAccess(offset, 8, this.#size)
    if (halves !== undefined) return readHalves(this, offset, halves)
    return this.#native.load64(this.#area, offset)
  }

  write8(offset: number, value: number): void {
    checkRegisterAccess(offset, 1, this.#size)
    this.#native.store8(this.#area, offset, value)
  }

  write16(offset: number, value: number): void {
    checkRegisterAccess(offset, 2, this.#size)
    this.#native.store16(this.#area, offset, value)
  }

  write32(offset: number, value: number): void {
    checkRegisterAccess(offset, 4, this.#size)
    this.#native.store32(this.#area, offset, value)
  }

  write64(offset: number, value: bigint, halves?: Halves): void {
    checkRegisterAccess(offset, 8, this.#size)
    if (halves !== undefined) writeHalves(this, offset, value, halves)
    else this.#native.store64(this.#area, offset, value)
  }

  readBlock(offset: number, into: Block, place: BlockPlace = 'ascending'): void {
    checkBlock(offset, into, place, this.#size)
    this.#native.loadBlock(this.#area, offset, into, place === 'fixed')
  }

  writeBlock(offset: number, from: Block, place: BlockPlace = 'ascending'): void {
    checkBlock(offset, from, place, this.#size)
    this.#native.storeBlock(this.#area, offset, from, place === 'fixed')
  }

  run(program: RegisterProgram): BigUint64Array {
    return runNative(program, (words, report) => this.#native.runProgram(this.#area, words, report))
  }
}

/** Registers of a region that cannot be mapped: the kernel makes each access. */
export class FileRegisters extends WidthAccesses {
  readonly access64 = 'halves'
  protected readonly extent: number
  readonly #native: VfioSurface
  readonly #file: DeviceFile
  readonly #index: number
  readonly #writable: boolean

  constructor(native: VfioSurface, file: DeviceFile, index: number, size: number, writable: boolean) {
    super()
    this.#native = native
    this.#file = file
    this.#index = index
    this.extent = size
    this.#writable = writable
  }

  readBlock(offset: number, into: Block, place: BlockPlace = 'ascending'): void {
    this.#check(offset, into, place)
    this.#native.readRegionBlock(this.#file, this.#index, offset, into, place === 'fixed')
  }

  writeBlock(offset: number, from: Block, place: BlockPlace = 'ascending'): void {
    this.#check(offset, from, place)
    this.#checkWritable()
    this.#native.writeRegionBlock(this.#file, this.#index, offset, from, place === 'fixed')
  }

  run(program: RegisterProgram): BigUint64Array {
    return runNative(program, (words, report) => this.#native.runRegionProgram(this.#file, this.#index, words, report))
  }

  protected override load(offset: number, width: Width): bigint {
    checkRegisterAccess(offset, width, this.extent)
    return this.#native.readRegion(this.#file, this.#index, offset, width)
  }

  protected override store(offset: number, width: Width, value: bigint): void {
    checkRegisterAccess(offset, width, this.extent)
    this.#checkWritable()
    this.#native.writeRegion(this.#file, this.#index, offset, width, value)
  }

  #checkWritable(): void {
    if (!this.#writable) throw new ProbarError('access-violation', `region ${this.#index} is read-only, as a ROM is`)
  }

  #check(offset: number, block: Block, place: BlockPlace): void {
    checkBlock(offset, block, place, this.extent)
    if (block instanceof BigUint64Array) throw unnamedOrder()
  }
}
