import type { ConfigSpace } from '../../../device/contract.ts'
import { checkRegisterAccess } from '../../../device/register-access.ts'
import type { DeviceFile, VfioSurface } from '../../../native/surface.ts'
import { RegionIndex } from '../uapi.ts'

/** Config space through VFIO; the kernel shadows BARs and some capabilities. */
export class VfioConfigSpace implements ConfigSpace {
  readonly size: number
  readonly #native: VfioSurface
  readonly #file: DeviceFile

  constructor(native: VfioSurface, file: DeviceFile) {
    this.#native = native
    this.#file = file
    this.size = native.regionInfo(file, RegionIndex.config).size
  }

  read8(offset: number): number {
    return this.#read(offset, 1)
  }

  read16(offset: number): number {
    return this.#read(offset, 2)
  }

  read32(offset: number): number {
    return this.#read(offset, 4)
  }

  write8(offset: number, value: number): void {
    this.#write(offset, 1, value)
  }

  write16(offset: number, value: number): void {
    this.#write(offset, 2, value)
  }

  write32(offset: number, value: number): void {
    this.#write(offset, 4, value)
  }

  #read(offset: number, width: number): number {
    checkRegisterAccess(offset, width, this.size)
    return Number(this.#native.readRegion(this.#file, RegionIndex.config, offset, width))
  }

  #write(offset: number, width: number, value: number): void {
    checkRegisterAccess(offset, width, this.size)
    this.#native.writeRegion(this.#file, RegionIndex.config, offset, width, BigInt(value))
  }
}
