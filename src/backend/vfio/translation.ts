import type { BusAddress } from '../../base/address.ts'
import type { DmaAccess, HostMemory } from '../../device/contract.ts'
import type { Container, VfioSurface } from '../../native/surface.ts'
import type { Translation } from '../iova-domain.ts'
import { ACCESS_FLAGS } from '../vfio-device/iommu-domain.ts'

/** VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_UNMAP_DMA, one run a call. */
export class Type1Translation implements Translation {
  readonly #native: VfioSurface
  readonly #container: Container

  constructor(native: VfioSurface, container: Container) {
    this.#native = native
    this.#container = container
  }

  map(bus: BusAddress, memory: HostMemory, offset: number, length: number, access: DmaAccess): void {
    this.#native.mapDma(this.#container, memory.area, offset, length, bus, ACCESS_FLAGS[access])
  }

  unmap(bus: BusAddress, length: number): number {
    return this.#native.unmapDma(this.#container, bus, BigInt(length))
  }
}
