import { ProbarError, codeOf } from '../../base/errors.ts'
import type { ResetMeans } from '../../device/contract.ts'
import type { DeviceFile, Group, VfioHotResetInfo, VfioSurface } from '../../native/surface.ts'
import type { VfioTarget } from './target.ts'
import { DeviceFlag } from './uapi.ts'

/** A reset of a device that is open, by the best means that the kernel has. */
export interface VfioReset {
  readonly means: ResetMeans | undefined
  /** @throws ProbarError capability-missing */
  perform(): void
}

/**
 * The function alone where the kernel was able to do that when it opened the device; else its slot or bus, where every
 * function that it takes along is held already: bound to vfio-pci and in the group, or in the iommufd.
 * @param group the group's file; none for a device that was opened through a file of its own
 */
export function findReset(native: VfioSurface, file: DeviceFile, target: VfioTarget, group?: Group): VfioReset {
  if ((native.deviceInfo(file).flags & DeviceFlag.reset) !== 0) {
    const [method = 'unknown'] = target.resetMethods ?? []
    return { means: { scope: 'function', method }, perform: () => native.reset(file) }
  }
  if (busIsOurs(native, file, target, group)) {
    return { means: { scope: 'bus', method: 'hot-reset' }, perform: () => native.hotReset(file, group) }
  }
  return { means: undefined, perform: refuse }
}

function busIsOurs(native: VfioSurface, file: DeviceFile, target: VfioTarget, group: Group | undefined): boolean {
  try {
    const info = native.hotResetInfo(file)
    if (info.byId) return info.owned
    const held = new Set([target.address, ...(target.companions ?? [])])
    return group !== undefined && info.devices.every((one) => one.owner === target.group && held.has(addressOf(one)))
  } catch (error) {
    if (codeOf(error) === 'capability-missing') return false
    throw error
  }
}

function addressOf({ segment, bus, devfn }: VfioHotResetInfo['devices'][number]): string {
  const part = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  return `${part(segment, 4)}:${part(bus, 2)}:${part(devfn >> 3, 2)}.${devfn & 7}`
}

function refuse(): never {
  throw new ProbarError(
    'capability-missing',
    'the kernel cannot reset this function alone, nor its slot or bus, which holds functions that are not ours',
  )
}
