import { basename } from 'node:path'
import { blockByNode, blockCarriers } from './block-device.ts'
import { type Carriers, NOTHING } from './carriers.ts'
import { mountCarriers } from './mount-carriers.ts'
import { memberOf } from './member.ts'
import { type Mount, parseSwaps, readMounts } from './mounts.ts'
import type { SystemFiles } from '../system-files.ts'

/** Something that the machine needs, and what it rests on. */
export interface Use extends Carriers, Phrase {}

/** In words, for a message and for a table. */
export interface Phrase {
  /** As in `0000:03:00.0 holds the root file system (/dev/sda2 on /)`. */
  readonly use: string
  /** For a column of a table: `root file system`. */
  readonly label: string
}

/** Whatever file systems, swap and arrays of disks rest on. */
export function storageUses(files: SystemFiles): readonly Use[] {
  return [...mountUses(files), ...swapUses(files), ...memberUses(files)]
}

const anywhere = (use: string, label: string): Use => ({ ...NOTHING, use, label, unplaced: ['storage', 'network'] })

function mountUses(files: SystemFiles): readonly Use[] {
  const mounts = readMounts(files)
  if (mounts === undefined) return [anywhere('holds the root file system (/proc/self/mountinfo is not there)', ROOT)]
  const uses = mounts.map((mount) => ({ ...mountCarriers(files, mount), ...mountUse(mount) }))
  return [...uses, ...rootOfUnknownPlace(mounts, uses)]
}

const ROOT = 'root file system'

function mountUse({ point, source }: Mount): Phrase {
  const where = `(${source} on ${point})`
  if (point === '/') return { use: `holds the root file system ${where}`, label: ROOT }
  return { use: `holds a mounted file system ${where}`, label: 'file system' }
}

/** A root of layers, as a container's, may show no file system that rests on anything. Then it rests on any disk. */
function rootOfUnknownPlace(mounts: readonly Mount[], carried: readonly Carriers[]): readonly Use[] {
  const root = mounts.findLast(({ point }) => point === '/')
  const layered = root !== undefined && /^(?:overlay|aufs|fuse\..*|unionfs)$/.test(root.type)
  if (!layered || carried.some(({ chains, servers, unplaced }) => [...chains, ...servers, ...unplaced].length > 0))
    return []
  return [anywhere(`holds what the root file system (${root.type}) is made of`, ROOT)]
}

function swapUses(files: SystemFiles): readonly Use[] {
  const partitions = parseSwaps(files.text('/proc/swaps') ?? '').filter(({ kind }) => kind === 'partition')
  return partitions.map(({ path }) => {
    const block = blockByNode(files, path)
    const use = `holds swap space (${path})`
    const label = 'swap'
    return block === undefined ? anywhere(use, label) : { ...blockCarriers(files, block), use, label }
  })
}

function memberUses(files: SystemFiles): readonly Use[] {
  return files.names('/sys/class/block').flatMap((name) => {
    const path = files.real(`/sys/class/block/${name}`)
    if (path === undefined) return []
    const carriers = blockCarriers(files, path)
    if (carriers.chains.length === 0) return []
    const members = [...holders(files, path), memberOf(files, path)].filter((what) => what !== undefined)
    const disk = `has a disk (/dev/${basename(path)}) that is`
    return members.map((what) => ({ ...carriers, use: `${disk} ${what}`, label: 'disk of an array' }))
  })
}

/** Devices of the kernel that were made of this one: device-mapper's with their names, md arrays, bcache. */
function holders(files: SystemFiles, path: string): readonly string[] {
  return files.names(`${path}/holders`).map((name) => {
    const mapped = files.text(`${path}/holders/${name}/dm/name`)?.trim()
    return `a part of /dev/${mapped === undefined ? name : `mapper/${mapped}`}`
  })
}
