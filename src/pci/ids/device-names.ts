import type { ConfigIds } from '../config.ts'
import type { PciNames } from './pci-ids.ts'

/** What a device's ids stand for; each absent where the machine has no pci.ids file or the file no such id. */
export interface DeviceNames {
  readonly vendor?: string
  readonly device?: string
  readonly subsystem?: string
  readonly class?: string
  readonly programmingInterface?: string
}

export function deviceNames(ids: ConfigIds, names: PciNames): DeviceNames {
  const { vendor, device, subsystemVendor, subsystem, classCode } = ids
  const found = {
    vendor: names.vendor(vendor),
    device: names.device(vendor, device),
    subsystem: subsystemName(names, [vendor, device, subsystemVendor, subsystem]),
    class: names.className(classCode),
    programmingInterface: names.programmingInterface(classCode),
  }
  return Object.fromEntries(Object.entries(found).filter(([, name]) => name !== undefined))
}

/** Who made the card and its own name, as far as known; 0000:0000 is none. */
function subsystemName(names: PciNames, ids: readonly [number, number, number, number]): string | undefined {
  const [, , vendor, id] = ids
  if (vendor === 0 && id === 0) return undefined
  return [names.vendor(vendor), names.subsystem(...ids)].filter((name) => name !== undefined).join(' ') || undefined
}
