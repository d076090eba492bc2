import { ProbarError } from '../../base/errors.ts'
import type { ConfigSpace } from '../../device/contract.ts'
import { readConfigFile } from '../../host/linux/config-file.ts'
import { type PciFunction, readPciFunction } from '../../host/linux/pci-functions.ts'
import { readPciNames } from '../../host/linux/pci-ids-file.ts'
import { type DecodedConfig, decodeConfig } from '../../pci/decode.ts'
import { parseDump } from '../../pci/dump.ts'
import type { ConfigIds } from '../../pci/config.ts'
import type { PciNames } from '../../pci/ids/pci-ids.ts'
import { type DeviceNames, deviceNames } from '../../pci/ids/device-names.ts'
import { openModel } from '../open-model.ts'
import { parseReference } from '../reference.ts'

/** A device's config space, taken apart, and what the machine knows beside it. */
export interface InspectedDevice {
  /** As given or as the dump has it: `0000:01:00.0`, `loopback:edu`. */
  readonly name: string
  readonly source: 'sysfs' | 'model' | 'dump'
  readonly ids: ConfigIds
  readonly names: DeviceNames
  readonly config: DecodedConfig
  /** All of config space that is at hand. */
  readonly bytes: Uint8Array
  /** Bytes that the function has; absent for a dump, which doesn't tell. */
  readonly size?: number
  /** What the running kernel adds. */
  readonly found?: PciFunction
}

/**
 * @param ref a PCI address, `vfio:…` or `loopback:…`
 * @param sysfs the kernel's folder of PCI functions, elsewhere than it is as a rule
 * @throws ProbarError reference-unknown, device-absent
 */
export function inspectDevice(ref: string, sysfs?: string): InspectedDevice {
  const reference = parseReference(ref)
  const names = readPciNames()
  if (reference.backend === 'loopback') return inspectModel(reference.ref, names)
  const found = readPciFunction(reference.address, sysfs)
  const { bytes, size } = readConfigFile(reference.address, sysfs)
  const config = decodeConfig(bytes, found)
  const known = { ids: found, names: deviceNames(found, names), config, bytes, size, found }
  return { name: reference.address, source: 'sysfs', ...known }
}

/**
 * Every function in a dump that lspci wrote, or the one that `ref` names.
 * @throws ProbarError dump-invalid, reference-unknown, device-absent
 */
export function inspectDump(text: string, ref?: string): readonly InspectedDevice[] {
  const reference = ref === undefined ? undefined : parseReference(ref)
  if (reference?.backend === 'loopback') {
    throw new ProbarError('usage', `a dump holds PCI functions, and '${reference.ref}' is none; give a PCI address`)
  }
  const functions = parseDump(text)
  const chosen = functions.filter(({ address }) => reference === undefined || reference.address === address)
  if (reference !== undefined && chosen.length === 0) {
    const there = functions.map(({ address }) => address).join(', ')
    throw new ProbarError('device-absent', `no PCI function ${reference.address} in the dump; there is: ${there}`)
  }
  const names = readPciNames()
  return chosen.map(({ address, bytes }) => {
    const config = decodeConfig(bytes)
    return { name: address, source: 'dump', ids: config.ids, names: deviceNames(config.ids, names), config, bytes }
  })
}

function inspectModel(ref: string, names: PciNames): InspectedDevice {
  using model = openModel(ref)
  const bytes = allBytes(model.config)
  const probed = { bars: model.regions.flatMap(({ kind, ...region }) => (kind === 'rom' ? [] : [{ ...region, kind }])) }
  const config = decodeConfig(bytes, probed)
  const { ids } = config
  return { name: ref, source: 'model', ids, names: deviceNames(ids, names), config, bytes, size: bytes.length }
}

const allBytes = (config: ConfigSpace): Uint8Array =>
  Uint8Array.from({ length: config.size }, (_, offset) => config.read8(offset))
