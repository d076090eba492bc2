import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type PhysicalAddress, physicalAddress } from '../../base/address.ts'
import type { BarAttributes, ProbedRom } from '../../pci/bars.ts'
import { type ConfigIds, configIds } from '../../pci/config.ts'
import { SYSFS, readConfigHeader } from './config-file.ts'
import { functionAbsent, ifPresent } from './gone.ts'

/** What sysfs tells of a PCI function (kernel: Documentation/ABI/testing/sysfs-bus-pci). */
export interface PciFunction extends ConfigIds {
  /** `0000:01:00.0` */
  readonly address: string
  readonly driver: string | undefined
  readonly iommuGroup: number | undefined
  /** The other functions of its IOMMU group, which can only be taken together with it. */
  readonly groupMembers: readonly string[]
  /** The memory node that is nearest; absent on a machine with one only. */
  readonly numaNode: number | undefined
  /** Of its legacy interrupt, or of its first MSI vector while a driver has MSI enabled; absent when it has none. */
  readonly irq: number | undefined
  readonly bars: readonly PciBar[]
  readonly rom: (ProbedRom & { readonly start: PhysicalAddress }) | undefined
  /** How the kernel would reset the function alone, the best first: `flr`, `pm`, `bus`, … */
  readonly resetMethods: readonly string[]
}

export interface PciBar extends BarAttributes {
  readonly index: number
  readonly start: PhysicalAddress
  /** Bytes. */
  readonly size: number
}

/** All functions of the machine by address, without those that are unplugged meanwhile; empty where there is no sysfs. */
export function listPciFunctions(sysfs: string = SYSFS): readonly PciFunction[] {
  return (directory(sysfs) ?? []).toSorted().flatMap((address) => lookAt(address, sysfs) ?? [])
}

/** @throws ProbarError device-absent */
export function readPciFunction(address: string, sysfs: string = SYSFS): PciFunction {
  const found = lookAt(address, sysfs)
  if (found === undefined) throw functionAbsent(address)
  return found
}

/** Undefined unless its folder is there before and after: in between, each file may be missing for good. */
function lookAt(address: string, sysfs: string): PciFunction | undefined {
  const folder = join(sysfs, address)
  if (directory(folder) === undefined) return undefined
  const found = ifPresent(() => readFolder(folder, address, sysfs))
  return directory(folder) === undefined ? undefined : found
}

function readFolder(folder: string, address: string, sysfs: string): PciFunction {
  const group = link(join(folder, 'iommu_group'))
  const resources = readResources(join(folder, 'resource'))
  return {
    address,
    ...readIds(folder, address, sysfs),
    driver: link(join(folder, 'driver')),
    iommuGroup: group === undefined ? undefined : Number(group),
    groupMembers: (directory(join(folder, 'iommu_group', 'devices')) ?? []).filter((one) => one !== address).toSorted(),
    numaNode: numberAbove(-1, join(folder, 'numa_node')),
    irq: numberAbove(0, join(folder, 'irq')),
    bars: resources.slice(0, ROM).flatMap((resource, index) => (resource === undefined ? [] : [bar(index, resource)])),
    rom: romOf(resources[ROM]),
    resetMethods:
      ifPresent(() => readFileSync(join(folder, 'reset_method'), 'utf8'))
        ?.split(/\s+/)
        .filter(Boolean) ?? [],
  }
}

/**
 * Ids as the kernel has them, which knows better than config space for a virtual function (all ones there) and for a
 * bridge (whose subsystem is in a capability). Config space, which a sleeping function has to wake up for, is read only
 * where the kernel has no such file.
 */
function readIds(folder: string, address: string, sysfs: string): ConfigIds {
  let config: ConfigIds | undefined
  const inConfig = (): ConfigIds => (config ??= configIds(readConfigHeader(address, sysfs)))
  const id = (file: string): number | undefined => numberAbove(-1, join(folder, file))
  return {
    vendor: id('vendor') ?? inConfig().vendor,
    device: id('device') ?? inConfig().device,
    subsystemVendor: id('subsystem_vendor') ?? inConfig().subsystemVendor,
    subsystem: id('subsystem_device') ?? inConfig().subsystem,
    revision: id('revision') ?? inConfig().revision,
    classCode: id('class') ?? inConfig().classCode,
  }
}

interface Resource {
  readonly start: bigint
  readonly size: number
  readonly flags: number
}

/** Of the lines of start, end and flags, the first six are the BARs, where an upper half is all zero; then the ROM. */
const ROM = 6

function readResources(path: string): readonly (Resource | undefined)[] {
  const lines = ifPresent(() => readFileSync(path, 'utf8').split('\n')) ?? []
  return lines.slice(0, ROM + 1).map((line) => {
    const [start = 0n, end = 0n, flags = 0n] = line.split(' ').filter(Boolean).map(BigInt)
    return end === 0n ? undefined : { start, size: Number(end - start) + 1, flags: Number(flags) }
  })
}

/** Bits of the flags (kernel: include/linux/ioport.h). The kernel took them from the register, or knew better. */
const Flag = { io: 0x100, prefetch: 0x2000, wide: 0x10_0000 } as const

function romOf(resource: Resource | undefined): PciFunction['rom'] {
  return resource === undefined ? undefined : { start: physicalAddress(resource.start), size: resource.size }
}

function bar(index: number, { start, size, flags }: Resource): PciBar {
  const kind = (flags & Flag.io) === 0 ? 'memory' : 'io'
  const addressBits = kind === 'memory' && (flags & Flag.wide) !== 0 ? 64 : 32
  const prefetchable = kind === 'memory' && (flags & Flag.prefetch) !== 0
  return { index, start: physicalAddress(start), size, kind, addressBits, prefetchable }
}

/** The number in a file, decimal or `0x…`; undefined where there is no file, or the number is `floor` or less. */
function numberAbove(floor: number, path: string): number | undefined {
  const text = ifPresent(() => readFileSync(path, 'utf8').trim())
  const value = text === undefined || text === '' ? Number.NaN : Number(text)
  return value > floor ? value : undefined
}

function link(path: string): string | undefined {
  return ifPresent(() => basename(readlinkSync(path)))
}

function directory(path: string): readonly string[] | undefined {
  return ifPresent(() => readdirSync(path))
}
