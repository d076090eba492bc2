import { basename, dirname } from 'node:path'
import { type Carriers, NOTHING, carriedBy, together } from './carriers.ts'
import type { SystemFiles } from '../system-files.ts'

/** The path in /sys of a block device's folder, from its numbers as `/proc/self/mountinfo` has them: `259:2`. */
export const blockByNumber = (files: SystemFiles, numbers: string): string | undefined =>
  files.real(`/sys/dev/block/${numbers}`)

/** … from a path such as `/dev/sda1`, `/dev/mapper/vg0-root` or `/dev/disk/by-uuid/…`. */
export function blockByNode(files: SystemFiles, node: string): string | undefined {
  const real = files.real(node) ?? node
  const byName = files.real(`/sys/class/block/${real.replace(/^\/dev\//, '').replaceAll('/', '!')}`)
  return byName ?? mapped(files, real)
}

/** device-mapper nodes are not always links: they are found by the name that the kernel knows. */
function mapped(files: SystemFiles, node: string): string | undefined {
  const name = basename(node)
  const found = files
    .names('/sys/class/block')
    .find((block) => files.text(`/sys/class/block/${block}/dm/name`)?.trim() === name)
  return found === undefined ? undefined : files.real(`/sys/class/block/${found}`)
}

/**
 * What a block device rests on: the PCI functions in its path, and through device-mapper, md, bcache, NVMe multipath,
 * loop, iSCSI and NVMe over fabrics whatever those rest on.
 * @param path of its folder in /sys, as `blockByNumber` gives it
 */
export function blockCarriers(
  files: SystemFiles,
  path: string,
  seen: ReadonlySet<string> = new Set<string>(),
): Carriers {
  if (seen.has(path)) return NOTHING
  const disk = files.text(`${path}/partition`) === undefined ? path : dirname(path)
  const below = lowerBlocks(files, disk).map((one) => blockCarriers(files, one, new Set([...seen, path])))
  const own = [carriedBy(files, disk), multipath(files, disk), overNetwork(files, disk)]
  const found = together([...own, ...below])
  const known = below.length > 0 || found.chains.length > 0 || found.servers.length > 0
  return known || !isVirtual(disk) || RESTS_ON_NO_DISK.test(basename(disk)) ? found : unplacedBlock(basename(disk))
}

/** In memory, or on a file whose file system is mounted and so counted by itself. */
const RESTS_ON_NO_DISK = /^(?:zram|ram|loop)\d/

const isVirtual = (path: string): boolean => path.startsWith('/sys/devices/virtual/')

const unplacedBlock = (name: string): Carriers => ({
  ...NOTHING,
  unplaced: /^(?:nbd|rbd)\d/.test(name) ? ['network'] : ['storage', 'network'],
})

function lowerBlocks(files: SystemFiles, disk: string): readonly string[] {
  const slaves = files.names(`${disk}/slaves`).map((name) => files.real(`${disk}/slaves/${name}`))
  const backing = files.text(`${disk}/loop/backing_file`)?.trim() ?? ''
  const looped = backing.startsWith('/dev/') ? [blockByNode(files, backing)] : []
  return [...slaves, ...looped].filter((path) => path !== undefined)
}

/** With native multipath the disk belongs to an NVMe subsystem, whose folder has links to its controllers. */
function multipath(files: SystemFiles, disk: string): Carriers {
  if (!disk.startsWith('/sys/devices/virtual/nvme-subsystem/')) return NOTHING
  const controllers = files
    .names(dirname(disk))
    .filter((name) => /^nvme\d+$/.test(name))
    .map((name) => files.real(`${dirname(disk)}/${name}`))
    .filter((path) => path !== undefined)
  return together(controllers.flatMap((path) => [carriedBy(files, path), overFabrics(files, path)]))
}

function overNetwork(files: SystemFiles, disk: string): Carriers {
  const session = /\/session(\d+)\//.exec(disk)?.[1]
  const connections = session === undefined ? [] : files.names('/sys/class/iscsi_connection')
  const servers = connections
    .filter((name) => name.startsWith(`connection${session}:`))
    .map((name) => files.text(`/sys/class/iscsi_connection/${name}/address`)?.trim() ?? '')
  return together([{ ...NOTHING, servers: servers.filter(Boolean) }, overFabrics(files, dirname(disk))])
}

/** A controller on another machine: its `address` is `traddr=192.0.2.9,trsvcid=4420`. */
function overFabrics(files: SystemFiles, controller: string): Carriers {
  if (!controller.includes('/nvme-fabrics/')) return NOTHING
  const server = /traddr=([^,\s]+)/.exec(files.text(`${controller}/address`) ?? '')?.[1]
  return server === undefined ? { ...NOTHING, unplaced: ['network'] } : { ...NOTHING, servers: [server] }
}
