import type { PhysicalAddress, Va } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { isPageAligned } from '../../base/pages.ts'
import type { ConfigSpace, Region, RegionView, RegisterAccess } from '../../device/contract.ts'
import type { DeviceFile, MemorySurface, VfioSurface } from '../../native/surface.ts'
import { ExplainedRegisters } from './explained.ts'
import type { VfioBar } from './target.ts'
import { FileRegisters, MappedRegisters } from './registers.ts'
import { RegionFlag } from './uapi.ts'

/** A BAR through VFIO: mapped whole where the kernel allows it, else by pread and pwrite. */
export class VfioRegion extends ExplainedRegisters implements Region {
  readonly index: number
  readonly kind: 'memory' | 'io'
  readonly size: number
  readonly start: PhysicalAddress
  readonly prefetchable: boolean
  readonly addressBits: 32 | 64
  readonly mappable: boolean
  readonly #native: Surface
  readonly #file: DeviceFile
  readonly #config: ConfigSpace
  readonly #views = new Set<VfioRegionView>()
  readonly #area: number | undefined

  /** @param config explains why a device does not answer */
  constructor(native: Surface, file: DeviceFile, bar: VfioBar, config: ConfigSpace) {
    const opened = open(native, file, bar.index)
    super(opened.registers, config)
    this.index = bar.index
    this.kind = bar.kind
    this.size = opened.size
    this.start = bar.start
    this.prefetchable = bar.prefetchable
    this.addressBits = bar.addressBits
    this.mappable = opened.area !== undefined
    this.#native = native
    this.#file = file
    this.#config = config
    this.#area = opened.area
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
    const registers = new MappedRegisters(this.#native, area, length)
    const release = (): void => {
      this.#native.release(area)
      this.#views.delete(view)
    }
    const view = new VfioRegionView({ registers, config: this.#config, at, length, release })
    this.#views.add(view)
    return view
  }

  close(): void {
    for (const view of this.#views) view.close()
    if (this.#area !== undefined) this.#native.release(this.#area)
  }
}

type Surface = MemorySurface & VfioSurface

interface OpenedRegion {
  readonly size: number
  readonly registers: RegisterAccess
  /** Where it is mapped whole. */
  readonly area: number | undefined
}

function open(native: Surface, file: DeviceFile, index: number): OpenedRegion {
  const { size, flags, sparse } = native.regionInfo(file, index)
  // A BAR smaller than a page shares its page with others: it is reached by pread and pwrite.
  const whole = isPageAligned(size) && sparse.length === 0
  if ((flags & RegionFlag.mmap) === 0 || !whole) {
    return { size, registers: new FileRegisters(native, file, index, size), area: undefined }
  }
  const area = native.mapRegion(file, index, 0, size, 0)
  return { size, registers: new MappedRegisters(native, area, size), area }
}

interface ViewParts {
  readonly registers: RegisterAccess
  readonly config: ConfigSpace
  readonly at: Va
  readonly length: number
  readonly release: () => void
}

class VfioRegionView extends ExplainedRegisters implements RegionView {
  readonly address: Va
  readonly length: number
  readonly #release: () => void
  #open = true

  constructor({ registers, config, at, length, release }: ViewParts) {
    super(registers, config)
    this.address = at
    this.length = length
    this.#release = release
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#release()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
