import type { PhysicalAddress, Va } from '../../../base/address.ts'
import { ProbarError } from '../../../base/errors.ts'
import { hex } from '../../../base/hex.ts'
import { PAGE_SIZE, isPageAligned } from '../../../base/pages.ts'
import type { ConfigSpace, Region, RegionArea, RegionView, RegisterAccess } from '../../../device/contract.ts'
import type { DeviceFile, MemorySurface, VfioSurface } from '../../../native/surface.ts'
import { ExplainedRegisters } from './explained.ts'
import type { VfioBar } from '../target.ts'
import { FileRegisters, MappedRegisters } from './registers.ts'
import { RegionFlag } from '../uapi.ts'

/** What a region is beside what VFIO says of it. */
type Place = Omit<VfioBar, 'size' | 'kind'> & { readonly kind: Region['kind'] }

/** A BAR or ROM through VFIO: mapped whole where the kernel allows it, else by pread and pwrite. */
export class VfioRegion extends ExplainedRegisters implements Region {
  readonly index: number
  readonly kind: Region['kind']
  readonly size: number
  readonly start: PhysicalAddress
  readonly prefetchable: boolean
  readonly addressBits: 32 | 64
  readonly mappable: boolean
  readonly mappableAreas: readonly RegionArea[]
  readonly #native: Surface
  readonly #file: DeviceFile
  readonly #config: ConfigSpace
  readonly #views = new Set<VfioRegionView>()
  readonly #area: number | undefined

  /** @param config explains why a device does not answer */
  constructor(native: Surface, file: DeviceFile, bar: Place, config: ConfigSpace) {
    const opened = open(native, file, bar.index)
    super(opened.registers, config)
    this.index = bar.index
    this.kind = bar.kind
    this.size = opened.size
    this.start = bar.start
    this.prefetchable = bar.prefetchable
    this.addressBits = bar.addressBits
    this.mappableAreas = opened.areas
    this.mappable = opened.area !== undefined
    this.#native = native
    this.#file = file
    this.#config = config
    this.#area = opened.area
  }

  map(offset: number, length: number, at: Va): RegionView {
    if (this.mappableAreas.length === 0)
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
    if (!this.mappableAreas.some((part) => part.offset <= offset && offset + length <= part.offset + part.length)) {
      const parts = this.mappableAreas.map((part) => `${hex(part.offset)}+${hex(part.length)}`).join(', ')
      throw new ProbarError(
        'region-unmappable',
        `${hex(offset)}+${hex(length)} of BAR ${this.index} cannot be mapped, only parts of ${parts}; read and write ` +
          'the region itself there',
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

/** Of the kernel's areas what is made of pages. A BAR smaller than a page shares it with others: the kernel maps none. */
function wholePages(areas: BigUint64Array): readonly RegionArea[] {
  return Array.from({ length: areas.length >> 1 }, (_, index) => {
    const [start, size] = [Number(areas[2 * index]), Number(areas[2 * index + 1])]
    const offset = Math.ceil(start / PAGE_SIZE) * PAGE_SIZE
    return { offset, length: Math.floor((start + size) / PAGE_SIZE) * PAGE_SIZE - offset }
  })
    .filter(({ length }) => length > 0)
    .toSorted((one, other) => one.offset - other.offset)
}

type Surface = MemorySurface & VfioSurface

interface OpenedRegion {
  readonly size: number
  readonly registers: RegisterAccess
  /** What may be mapped of it. */
  readonly areas: readonly RegionArea[]
  /** Where it is mapped whole. */
  readonly area: number | undefined
}

function open(native: Surface, file: DeviceFile, index: number): OpenedRegion {
  const { size, flags, mappable } = native.regionInfo(file, index)
  const areas = wholePages(mappable)
  if (!areas.some(({ length }) => length === size)) {
    const writable = (flags & RegionFlag.write) !== 0
    return { size, areas, registers: new FileRegisters(native, file, index, size, writable), area: undefined }
  }
  const area = native.mapRegion(file, index, 0, size, 0)
  return { size, areas, registers: new MappedRegisters(native, area, size), area }
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
