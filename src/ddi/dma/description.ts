import { INTERFACE_TYPE } from '../constants.ts'
import type { Struct } from '../layout/struct.ts'
import type { DEVICE_DESCRIPTION } from '../layout/x64.ts'
import type { OperationsVersion } from './state.ts'

export type DeviceDescription = Struct<typeof DEVICE_DESCRIPTION>

export const DEVICE_DESCRIPTION_VERSION3 = 3

/** The operations that a description gets: version 0 and 1 those of version 1 (DMA-010). undefined for another version. */
export function operationsVersion(description: DeviceDescription): OperationsVersion | undefined {
  switch (description.get('Version')) {
    case 0:
    case 1:
      return 1
    case 2:
      return 2
    case DEVICE_DESCRIPTION_VERSION3:
      return 3
    default:
      return undefined
  }
}

/** Bits of the addresses that the described device reaches (DMA-012). */
export function addressWidth(description: DeviceDescription): number {
  if (description.get('Version') === DEVICE_DESCRIPTION_VERSION3) return description.get('DmaAddressWidth')
  if (description.get('Dma64BitAddresses') !== 0) return 64
  if (description.get('Dma32BitAddresses') !== 0) return 32
  const busMaster = description.get('ScatterGather') !== 0 && description.get('InterfaceType') === INTERFACE_TYPE.PCIBus
  return busMaster ? 32 : 24
}
