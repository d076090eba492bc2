import type { RegisterAccess } from '../../device/contract.ts'
import { type Width, WidthAccesses, checkRegisterAccess } from '../../device/register-access.ts'
import type { Area, DeviceFile, MemorySurface, VfioSurface } from '../../native/surface.ts'

type Surface = MemorySurface & VfioSurface

/** Registers in a mapped area: each access is one native load or store of its width. */
export class MappedRegisters implements RegisterAccess {
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

  read64(offset: number): bigint {
    checkRegisterAccess(offset, 8, this.#size)
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

  write64(offset: number, value: bigint): void {
    checkRegisterAccess(offset, 8, this.#size)
    this.#native.store64(this.#area, offset, value)
  }
}

/** Registers of a region that cannot be mapped: the kernel makes each access. */
export class FileRegisters extends WidthAccesses {
  readonly #native: VfioSurface
  readonly #file: DeviceFile
  readonly #index: number
  readonly #size: number

  constructor(native: VfioSurface, file: DeviceFile, index: number, size: number) {
    super()
    this.#native = native
    this.#file = file
    this.#index = index
    this.#size = size
  }

  protected override load(offset: number, width: Width): bigint {
    checkRegisterAccess(offset, width, this.#size)
    return this.#native.readRegion(this.#file, this.#index, offset, width)
  }

  protected override store(offset: number, width: Width, value: bigint): void {
    checkRegisterAccess(offset, width, this.#size)
    this.#native.writeRegion(this.#file, this.#index, offset, width, value)
  }
}
