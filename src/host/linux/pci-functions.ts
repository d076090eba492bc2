import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type PhysicalAddress, physicalAddress } from '../../base/address.ts'
import { ProbarError } from '../../base/errors.ts'
import { systemErrorCode } from '../../base/system-error.ts'
import { type BarAttributes, type ConfigIds, barAttributes, configIds } from '../../pci/config.ts'

/** What sysfs tells of a PCI function (kernel: Documentation/ABI/testing/sysfs-bus-pci). */
export interface PciFunction extends ConfigIds {
  /** `0000:01:00.0` */
  readonly address: string
  readonly driver: string | undefined
  readonly iommuGroup: number | undefined
  readonly bars: readonly PciBar[]
}

export interface PciBar extends BarAttributes {
  readonly index: number
  readonly start: PhysicalAddress
  /** Bytes. */
  readonly size: number
}

const SYSFS = '/sys/bus/pci/devices'

/** All functions of the machine by address; empty where there is no sysfs. */
export function listPciFunctions(sysfs: string = SYSFS): readonly PciFunction[] {
  return (directory(sysfs) ?? []).toSorted().map((address) => readPciFunction(address, sysfs))
}

/** @throws ProbarError device-absent */
export function readPciFunction(address: string, sysfs: string = SYSFS): PciFunction {
  const folder = join(sysfs, address)
  if (directory(folder) === undefined) {
    throw new ProbarError(
      'device-absent',
      `no PCI function ${address} on this machine; 'probar devices' lists what there is`,
    )
  }
  const config = new Uint8Array(readFileSync(join(folder, 'config')))
  const group = link(join(folder, 'iommu_group'))
  return {
    address,
    ...configIds(config),
    driver: link(join(folder, 'driver')),
    iommuGroup: group === undefined ? undefined : Number(group),
    bars: parseResources(readFileSync(join(folder, 'resource'), 'utf8'), config),
  }
}

/** Lines of start, end and flags; the first six are the BARs, and an upper half of a 64-bit BAR is all zero. */
function parseResources(text: string, config: Uint8Array): readonly PciBar[] {
  return text
    .split('\n')
    .slice(0, 6)
    .flatMap((line, index) => {
      const [start = 0n, end = 0n] = line.split(' ').filter(Boolean).map(BigInt)
      if (end === 0n) return []
      return [{ index, start: physicalAddress(start), size: Number(end - start) + 1, ...barAttributes(config, index) }]
    })
}

function link(path: string): string | undefined {
  return ifPresent(() => basename(readlinkSync(path)))
}

function directory(path: string): readonly string[] | undefined {
  return ifPresent(() => readdirSync(path))
}

function ifPresent<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (MISSING.has(systemErrorCode(error) ?? '')) return undefined
    throw error
  }
}

const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])
