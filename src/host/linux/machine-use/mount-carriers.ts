import { blockByNode, blockByNumber, blockCarriers } from './block-device.ts'
import { type Carriers, NOTHING, carriedBy, together } from './carriers.ts'
import { memberOf } from './member.ts'
import type { Mount } from './mounts.ts'
import type { SystemFiles } from '../system-files.ts'

const UNPLACED_DISK: Carriers = { ...NOTHING, unplaced: ['storage', 'network'] }

/** What a mounted file system rests on; nothing for those that are made of memory or of other file systems. */
export function mountCarriers(files: SystemFiles, mount: Mount): Carriers {
  if (!mount.numbers.startsWith('0:')) return blockOr(files, blockByNumber(files, mount.numbers))
  switch (mount.type) {
    case 'btrfs':
    case 'bcachefs':
      return manyDisks(files, mount)
    case 'zfs':
      return pools(files)
    case '9p':
      return mount.options.includes('trans=virtio') ? sharedByHost(files, mount) : overNetwork(mount)
    case 'virtiofs':
      return virtio(files, 'virtiofs')
    case 'tmpfs':
    case 'ramfs':
    case 'rootfs':
    case 'devtmpfs':
      return NOTHING
    default:
      if (OVER_NETWORK.test(mount.type)) return overNetwork(mount)
      return mount.source.startsWith('/dev/') ? blockOr(files, blockByNode(files, mount.source)) : NOTHING
  }
}

const OVER_NETWORK =
  /^(?:nfs\d?|cifs|smb\d?|smbfs|ceph|afs|ncpfs|glusterfs|lustre|gfs2?|ocfs2|fuse\.(?:sshfs|glusterfs|ceph.*|s3fs|rclone|davfs.*))$/

function blockOr(files: SystemFiles, path: string | undefined): Carriers {
  return path === undefined ? UNPLACED_DISK : blockCarriers(files, path)
}

/** Each of these file systems may have several disks, of which a mount names one or all (bcachefs). */
function manyDisks(files: SystemFiles, { source }: Mount): Carriers {
  const named = source.split(':').map((node) => blockByNode(files, node))
  const [first] = named
  const set = files
    .names('/sys/fs/btrfs')
    .map((id) =>
      files.names(`/sys/fs/btrfs/${id}/devices`).map((name) => files.real(`/sys/fs/btrfs/${id}/devices/${name}`)),
    )
    .find((devices) => first !== undefined && devices.includes(first))
  return together([...named, ...(set ?? [])].map((path) => blockOr(files, path)))
}

/** ZFS does not show the kernel which disks a pool has: every disk with a label of ZFS counts. */
function pools(files: SystemFiles): Carriers {
  const blocks = files.names('/sys/class/block').flatMap((name) => files.real(`/sys/class/block/${name}`) ?? [])
  const members = blocks.filter((path) => memberOf(files, path)?.includes('ZFS') === true)
  return members.length === 0 ? UNPLACED_DISK : together(members.map((path) => blockCarriers(files, path)))
}

/** A folder of a virtual machine's host, by the tag that the host gave it. */
function sharedByHost(files: SystemFiles, { source }: Mount): Carriers {
  const tag = (name: string): string | undefined =>
    files.text(`/sys/bus/virtio/drivers/9pnet_virtio/${name}/mount_tag`)?.replaceAll(/[\0\n]/g, '')
  return virtio(files, '9pnet_virtio', (name) => tag(name) === source)
}

/** The devices of a virtio driver that fit, or all of them where none is seen to. */
function virtio(files: SystemFiles, driver: string, fits: (name: string) => boolean = () => true): Carriers {
  const folder = `/sys/bus/virtio/drivers/${driver}`
  const all = files.names(folder).filter((name) => /^virtio\d+$/.test(name))
  const fitting = all.filter(fits)
  const chosen = fitting.length === 0 ? all : fitting
  if (chosen.length === 0) return UNPLACED_DISK
  return together(chosen.map((name) => carriedBy(files, files.real(`${folder}/${name}`) ?? '')))
}

/** The kernel writes the server's address among the options; else it stands in front of the source's path. */
function overNetwork({ source, options }: Mount): Carriers {
  const told = /(?:^|,)addr=([^,]+)/.exec(options)?.[1]
  const server = told ?? /^(?:\/\/|[^@/]*@)?\[?([^[\]/]+?)\]?(?::\/|:$|\/|$)/.exec(source)?.[1]
  return server === undefined ? { ...NOTHING, unplaced: ['network'] } : { ...NOTHING, servers: [server] }
}
