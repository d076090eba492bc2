import type { BusAddress } from '../../base/address.ts'
import type { DmaAccess, HostMemory } from '../../device/contract.ts'
import type { Iommufd, IommufdSurface } from '../../native/surface.ts'
import type { Translation } from '../iova-domain.ts'
import { ACCESS_FLAGS } from '../vfio-device/iommu-domain.ts'

/** IOMMU_IOAS_MAP and IOMMU_IOAS_UNMAP on one address space, one run a call. */
export class IoasTranslation implements Translation {
  readonly #native: IommufdSurface
  readonly #iommufd: Iommufd
  readonly #ioas: number

  constructor(native: IommufdSurface, iommufd: Iommufd, ioas: number) {
    this.#native = native
    this.#iommufd = iommufd
    this.#ioas = ioas
  }

  map(bus: BusAddress, memory: HostMemory, offset: number, length: number, access: DmaAccess): void {
    this.#native.mapIoas(this.#iommufd, this.#ioas, memory.area, offset, length, bus, ACCESS_FLAGS[access])
  }

  unmap(bus: BusAddress, length: number): number {
    return this.#native.unmapIoas(this.#iommufd, this.#ioas, bus, BigInt(length))
  }
}
