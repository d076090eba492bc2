import { undoAfter } from '../../base/disposal.ts'
import { codeOf } from '../../base/errors.ts'
import type { Device } from '../../device/contract.ts'
import type { Container, VfioSurface } from '../../native/surface.ts'
import { Descriptors } from '../vfio-device/descriptors.ts'
import { VfioDevice } from '../vfio-device/device.ts'
import { iommuDomain } from '../vfio-device/iommu-domain.ts'
import type { VfioOptions, VfioTarget } from '../vfio-device/target.ts'
import { Type1Translation } from './translation.ts'

/**
 * VFIO_TYPE1_IOMMU and VFIO_TYPE1v2_IOMMU. They differ in what unmapping part of a mapping does: version 1 unmaps all of
 * it or nothing, without an error; version 2 refuses.
 */
const TYPES: Readonly<Record<Type1Version, number>> = { v1: 1, v2: 3 }

/** The module's default for dma_entry_limit, where the kernel does not tell how many are left. */
const DEFAULT_ENTRIES = 65_535

const INTERFACES: Readonly<Record<Type1Version, string>> = { v1: 'type1', v2: 'type1v2' }

export const TYPE1_VERSIONS = ['v1', 'v2'] as const
export type Type1Version = (typeof TYPE1_VERSIONS)[number]

export interface Type1Options extends VfioOptions {
  /** By default version 2, or 1 where the kernel has no other. */
  readonly type1?: Type1Version
}

/**
 * Opens a function that is bound to vfio-pci, through /dev/vfio and the type 1 IOMMU driver (kernel:
 * Documentation/driver-api/vfio.rst).
 * @throws ProbarError permission-denied, iommu-unavailable, group-not-viable, device-busy
 */
export function openVfio(target: VfioTarget, options: Type1Options): Device {
  const { native } = options
  const files = new Descriptors(native)
  try {
    const container = files.keep(native.openContainer())
    const group = files.keep(native.openGroup(container, `/dev/vfio/${target.group}`))
    const version = setType(native, container, options.type1)
    const file = files.keep(native.openDevice(group, target.address))
    const { ranges, available, pageSizes } = native.iommuInfo(container)
    const smallestPage = Number(pageSizes & -pageSizes)
    const maxEntries = available >= 0 ? available : DEFAULT_ENTRIES
    const translation = new Type1Translation(native, container)
    const space = { interface: INTERFACES[version], ranges, smallestPage, maxEntries, translation }
    const dma = iommuDomain(space, options)
    return new VfioDevice({ backend: 'vfio', target, native, file, group, dma, release: () => files.close() })
  } catch (error) {
    undoAfter(error, [() => files.close()])
  }
}

/** @throws ProbarError iommu-unavailable, permission-denied */
function setType(native: VfioSurface, container: Container, asked: Type1Version | undefined): Type1Version {
  try {
    const version = asked ?? 'v2'
    native.setIommu(container, TYPES[version])
    return version
  } catch (error) {
    if (asked !== undefined || codeOf(error) !== 'iommu-unavailable') throw error
    native.setIommu(container, TYPES.v1)
    return 'v1'
  }
}
