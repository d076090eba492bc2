import { readdirSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ProbarError, codeOf } from '../../base/errors.ts'
import { type PciFunction, readPciFunction } from './pci-functions.ts'
import { vfioDeviceFile } from './vfio-nodes.ts'
import type { TakingPlaces } from './taking/places.ts'

/**
 * Processes that have a function's file of VFIO open, as far as this user may see them.
 * @param among only these process ids; all unless told
 */
export function usersOf(
  { address, iommuGroup }: { readonly address: string; readonly iommuGroup: number | undefined },
  { bus, processes }: Pick<TakingPlaces, 'bus' | 'processes'>,
  among?: readonly number[],
): readonly number[] {
  const own = vfioDeviceFile(address, join(bus, 'devices'))
  const group = iommuGroup === undefined ? [] : [`/dev/vfio/${iommuGroup}`, `/dev/vfio/noiommu-${iommuGroup}`]
  const files = new Set(own === undefined ? group : [...group, own])
  const pids = among?.map(String) ?? namesIn(processes)
  return pids
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => openFiles(join(processes, pid, 'fd')).some((file) => files.has(file)))
    .map((pid) => Number(basename(pid)))
}

const openFiles = (folder: string): readonly string[] =>
  namesIn(folder).flatMap((name) => linkOf(join(folder, name)) ?? [])

/** Processes and descriptors come and go, and others' may not be seen. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** The kernel would wait, without end, until the program lets it go. @throws ProbarError device-busy */
export function checkUnused(address: string, places: Pick<TakingPlaces, 'bus' | 'processes'>): void {
  const fn = functionAt(address, places)
  const [pid] = fn === undefined ? [] : usersOf(fn, places)
  if (pid !== undefined)
    throw new ProbarError('device-busy', `${address} is in use by the process ${pid}: end it first`)
}

function functionAt(address: string, { bus }: Pick<TakingPlaces, 'bus'>): PciFunction | undefined {
  try {
    return readPciFunction(address, join(bus, 'devices'))
  } catch (error) {
    if (codeOf(error) === 'device-absent') return undefined
    throw error
  }
}
