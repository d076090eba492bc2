import { readdirSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
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
