import type { PhysicalAddress, Va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { isPageAligned } from '../../base/pages.ts'
import type { Region, RegionView, RegisterAccess } from '../../device/contract.ts'
import type { DeviceFile, MemorySurface, VfioSurface } from '../../native/surface.ts'
import type { VfioBar } from './target.ts'
import { FileRegisters, MappedRegisters } from './registers.ts'
import { RegionFlag } from './uapi.ts'

/** A BAR through VFIO: mapped whole where the kernel allows it, else by pread and pwrite. */
export class VfioRegion implements Region {
  readonly index: number
  readonly kind: 'memory' | 'io'
  readonly size: number
  readonly start: PhysicalAddress
  readonly prefetchable: boolean
  readonly addressBits: 32 | 64
  readonly mappable: boolean
  readonly #native: MemorySurface & VfioSurface
  readonly #file: DeviceFile
  readonly #views = new Set<VfioRegionView>()
  readonly #registers: RegisterAccess
  readonly #area: number | undefined

  constructor(native: MemorySurface & VfioSurface, file: DeviceFile, bar: VfioBar) {
    const info = native.regionInfo(file, bar.index)
    this.index = bar.index
    this.kind = bar.kind
    this.size = info.size
    this.start = bar.start
    this.prefetchable = bar.prefetchable
    this.addressBits = bar.addressBits
    // A BAR smaller than a page shares its page with others: it is reached by pread and pwrite.
    const whole = isPageAligned(info.size) && info.sparse.length === 0
    this.mappable = (info.flags & RegionFlag.mmap) !== 0 && whole
    this.#native = native
    this.#file = file
    this.#area = this.mappable ? native.mapRegion(file, bar.index, 0, info.size, 0) : undefined
    this.#registers =
      this.#area === undefined
        ? new FileRegisters(native, file, bar.index, info.size)
        : new MappedRegisters(native, this.#area, info.size)
  }

  read8(offset: number): number {
    return this.#registers.read8(offset)
  }

  read16(offset: number): number {
    return this.#registers.read16(offset)
  }

  read32(offset: number): number {
    return this.#registers.read32(offset)
  }

  read64(offset: number): bigint {
    return this.#registers.read64(offset)
  }

  write8(offset: number, value: number): void {
    this.#registers.write8(offset, value)
  }

  write16(offset: number, value: number): void {
    this.#registers.write16(offset, value)
  }

  write32(offset: number, value: number): void {
    this.#registers.write32(offset, value)
  }

  write64(offset: number, value: bigint): void {
    this.#registers.write64(offset, value)
  }

  map(offset: number, length: number, at: Va): RegionView {
    if (!this.mappable)
      throw new ProbarError('region-unmappable', `BAR ${this.index} cannot be mapped on this platform`)
    if (![offset, length, Number(at)].every(isPageAligned)) {
      throw new ProbarError(
        'region-misaligned',
        `a view of BAR ${this.index} starts and ends at pages, not at ${hex(offset)}`,
      )
    }
    if (offset < 0 || length <= 0 || offset + length > this.size) {
      throw new ProbarError(
        'region-outside',
        `${hex(offset)}+${hex(length)} is outside the ${hex(this.size)} of BAR ${this.index}`,
      )
    }
    const area = this.#native.mapRegion(this.#file, this.index, offset, length, Number(at))
    const view = new VfioRegionView({ native: this.#native, area, at, length, closed: () => this.#views.delete(view) })
    this.#views.add(view)
    return view
  }

  close(): void {
    for (const view of this.#views) view.close()
    if (this.#area !== undefined) this.#native.release(this.#area)
  }
}

interface ViewParts {
  readonly native: MemorySurface & VfioSurface
  readonly area: number
  readonly at: Va
  readonly length: number
  readonly closed: () => void
}

class VfioRegionView extends MappedRegisters implements RegionView {
  readonly address: Va
  readonly length: number
  readonly #parts: ViewParts
  #open = true

  constructor(parts: ViewParts) {
    super(parts.native, parts.area, parts.length)
    this.address = parts.at
    this.length = parts.length
    this.#parts = parts
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#parts.native.release(this.#parts.area)
    this.#parts.closed()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
