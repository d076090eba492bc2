import { describe, expect, it } from '@jest/globals'
import { FakeMachine, type Tree, block, mounts, net, partition, pci, routes } from './fake-machine.ts'

const DISK = '0000:03:00.0'
const OTHER = '0000:04:00.0'
const ON_DISK = 'pci0000:00/0000:00:1c.0/0000:03:00.0'
const ON_OTHER = 'pci0000:00/0000:00:1d.0/0000:04:00.0'
/** Two functions behind a root port each; tmpfs as root, so that nothing is used by itself. */
const MACHINE: readonly Tree[] = [
  pci('0000:00:1c.0'),
  pci('0000:00:1c.0/0000:03:00.0', { number: 7 }),
  pci('0000:00:1d.0'),
  pci('0000:00:1d.0/0000:04:00.0', { number: 8 }),
  mounts(['0:2', '/', 'tmpfs', 'tmpfs']),
]
const NVME = [...partitions(ON_DISK, 'nvme/nvme0/nvme0n1', '259')]
const OTHER_DISK = [...partitions(ON_OTHER, 'ata1/host0/target0:0:0/0:0:0:0/block/sda', '8')]

function partitions(place: string, disk: string, major: string): readonly Tree[] {
  const name = disk.split('/').at(-1) ?? ''
  const first = `${disk}/${name}${/\d$/.test(name) ? 'p' : ''}1`
  return [block(`${place}/${disk}`, `${major}:0`), partition(`${place}/${first}`, `${major}:1`)]
}

/** Phrases for the first function, after seeing that the other one is free. */
function usesOfDisk(...trees: readonly Tree[]): readonly string[] {
  using machine = new FakeMachine(...MACHINE, ...NVME, ...OTHER_DISK, ...trees)
  expect(machine.uses([OTHER])).toEqual([])
  return machine.uses([DISK]).map(({ use }) => use)
}

/** As usesOfDisk, of a machine with exactly these. */
function usesOf(address: string, ...trees: readonly Tree[]): readonly string[] {
  using machine = new FakeMachine(...trees)
  return machine.uses([address]).map(({ use }) => use)
}

describe('a disk controller', () => {
  it('is free while nothing of its disk is used', () => {
    expect(usesOfDisk()).toEqual([])
  })

  it('carries the root file system of a partition', () => {
    expect(usesOfDisk(mounts(['259:1', '/', 'ext4', '/dev/nvme0n1p1']))).toEqual([
      'holds the root file system (/dev/nvme0n1p1 on /)',
    ])
  })

  it('carries any mounted file system, also of a whole disk and at a place with blanks', () => {
    expect(usesOfDisk(mounts(['259:0', '/mnt/my\\040data', 'vfat', '/dev/nvme0n1']))).toEqual([
      'holds a mounted file system (/dev/nvme0n1 on /mnt/my data)',
    ])
  })

  it('carries what another mount namespace has mounted, and what a changed root hides', () => {
    const hidden = mounts(['259:1', '/srv', 'ext4', '/dev/nvme0n1p1'])['/proc/self/mountinfo'] ?? ''
    const others = (pid: number, namespace: string, root: string): Tree => ({
      [`/proc/${pid}/ns/mnt`]: `=> ${namespace}`,
      [`/proc/${pid}/root`]: `=> ${root}`,
      [`/proc/${pid}/mountinfo`]: hidden,
    })
    const expected = ['holds a mounted file system (/dev/nvme0n1p1 on /srv)']
    expect(usesOfDisk(others(5, 'mnt:[2]', '/'))).toEqual(expected)
    expect(usesOfDisk({ ...others(5, 'mnt:[1]', '/container'), '/proc/4/ns/mnt': '=> mnt:[1]' })).toEqual(expected)
  })

  it('carries swap on a partition; a swap file counts by its file system, swap in memory not at all', () => {
    const head = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'
    const lines = [
      '/dev/nvme0n1p1 partition\t999 0 -2',
      '/dev/zram0 partition\t999 0 100',
      '/swap\\040file file\t9 0 -3',
    ]
    const zram = block('virtual/block/zram0', '253:0')
    expect(usesOfDisk({ '/proc/swaps': `${head}${lines.join('\n')}\n` }, zram)).toEqual([
      'holds swap space (/dev/nvme0n1p1)',
    ])
  })

  it('is led to by the bridges above it', () => {
    const uses = usesOf('0000:00:1c.0', ...MACHINE, ...NVME, mounts(['259:1', '/', 'ext4', '/dev/nvme0n1p1']))
    expect(uses).toEqual(['leads to 0000:03:00.0, which holds the root file system (/dev/nvme0n1p1 on /)'])
  })

  it('is kept with all of its IOMMU group', () => {
    const grouped = pci('0000:00:1d.0/0000:04:00.1', { number: 7, others: [DISK] })
    const uses = usesOf('0000:04:00.1', ...MACHINE, ...NVME, grouped, mounts(['259:1', '/', 'ext4', '/dev/nvme0n1p1']))
    expect(uses).toEqual([
      'shares its IOMMU group with 0000:03:00.0, which holds the root file system (/dev/nvme0n1p1 on /)',
    ])
  })

  it('takes the virtual functions with it when it is their physical one', () => {
    const virtual = 'pci0000:00/0000:00:1c.0/0000:03:00.1'
    const uses = usesOf(
      DISK,
      ...MACHINE,
      pci('0000:00:1c.0/0000:03:00.1'),
      { [`/sys/devices/${virtual}/physfn`]: `-> /sys/devices/${ON_DISK}` },
      ...partitions(virtual, 'nvme/nvme1/nvme1n1', '259'),
      mounts(['259:1', '/', 'ext4', '/dev/nvme1n1p1']),
    )
    expect(uses).toEqual(['leads to 0000:03:00.1, which holds the root file system (/dev/nvme1n1p1 on /)'])
  })

  it('is found in a domain of five digits, as behind a volume management device', () => {
    const place = 'pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0'
    const root = mounts(['259:1', '/', 'ext4', '/dev/nvme0n1p1'])
    expect(usesOf('10000:e1:00.0', ...partitions(place, 'nvme/nvme0/nvme0n1', '259'), root)).toHaveLength(1)
  })
})

describe('a disk that others are made of', () => {
  const DM = block('virtual/block/dm-0', '254:0', {
    'dm/name': 'vg0-root\n',
    'slaves/nvme0n1p1': `-> /sys/devices/${ON_DISK}/nvme/nvme0/nvme0n1/nvme0n1p1`,
  })
  const held: Tree = {
    [`/sys/devices/${ON_DISK}/nvme/nvme0/nvme0n1/nvme0n1p1/holders/dm-0`]: '-> /sys/devices/virtual/block/dm-0',
  }

  it('carries a file system on a device of device-mapper, which alone is a use of it too', () => {
    expect(usesOfDisk(DM, held, mounts(['254:0', '/', 'ext4', '/dev/mapper/vg0-root']))).toEqual([
      'holds the root file system (/dev/mapper/vg0-root on /)',
      'has a disk (/dev/nvme0n1p1) that is a part of /dev/mapper/vg0-root',
    ])
    expect(usesOfDisk(DM, held)).toEqual(['has a disk (/dev/nvme0n1p1) that is a part of /dev/mapper/vg0-root'])
  })

  it('carries a file system on a stack of them: LVM on a crypt on an md array', () => {
    const stack = [
      block('virtual/block/md0', '9:0', {
        'slaves/nvme0n1p1': `-> /sys/devices/${ON_DISK}/nvme/nvme0/nvme0n1/nvme0n1p1`,
      }),
      block('virtual/block/dm-1', '254:1', { 'slaves/md0': '-> /sys/devices/virtual/block/md0' }),
      block('virtual/block/dm-2', '254:2', { 'slaves/dm-1': '-> /sys/devices/virtual/block/dm-1' }),
    ]
    expect(usesOfDisk(...stack, mounts(['254:2', '/', 'xfs', '/dev/mapper/vg-root']))).toEqual([
      'holds the root file system (/dev/mapper/vg-root on /)',
    ])
  })

  it('carries swap that is named by a node of device-mapper, link or not', () => {
    const swaps = (node: string): Tree => ({ '/proc/swaps': `Filename Type\n${node} partition 9 0 -2\n` })
    expect(usesOfDisk(DM, swaps('/dev/mapper/vg0-root'))).toEqual(['holds swap space (/dev/mapper/vg0-root)'])
    const linked = { '/dev/dm-0': '', '/dev/mapper/other': '-> /dev/dm-0' }
    expect(usesOfDisk(DM, linked, swaps('/dev/mapper/other'))).toEqual(['holds swap space (/dev/mapper/other)'])
  })

  it('carries a file system in a bcache', () => {
    const cache = block('virtual/block/bcache0', '252:0', {
      'slaves/nvme0n1p1': `-> /sys/devices/${ON_DISK}/nvme/nvme0/nvme0n1/nvme0n1p1`,
    })
    expect(usesOfDisk(cache, mounts(['252:0', '/', 'ext4', '/dev/bcache0']))).toHaveLength(1)
  })

  it('carries every disk of a btrfs, whichever is named', () => {
    const btrfs: Tree = {
      '/sys/fs/btrfs/1f-2e/devices/sda1': `-> /sys/devices/${ON_OTHER}/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1`,
      '/sys/fs/btrfs/1f-2e/devices/nvme0n1p1': `-> /sys/devices/${ON_DISK}/nvme/nvme0/nvme0n1/nvme0n1p1`,
    }
    const uses = usesOf(
      DISK,
      ...MACHINE,
      ...NVME,
      ...OTHER_DISK,
      btrfs,
      mounts(['0:30', '/', 'btrfs', '/dev/sda1', 'rw,subvol=/@']),
    )
    expect(uses).toEqual(['holds the root file system (/dev/sda1 on /)'])
  })

  it('carries every disk that a bcachefs names', () => {
    expect(usesOfDisk(mounts(['0:30', '/', 'bcachefs', '/dev/nvme0n1p1:/dev/nvme0n1']))).toHaveLength(1)
  })

  it('carries a file system on a loop over the disk itself; a loop over a file counts by the file', () => {
    const overDisk = block('virtual/block/loop0', '7:0', { 'loop/backing_file': '/dev/nvme0n1p1\n' })
    const overFile = block('virtual/block/loop0', '7:0', { 'loop/backing_file': '/srv/image\n' })
    const mounted = mounts(['7:0', '/mnt', 'ext4', '/dev/loop0'])
    expect(usesOfDisk(overDisk, mounted)).toEqual(['holds a mounted file system (/dev/loop0 on /mnt)'])
    expect(usesOfDisk(overFile, mounted)).toEqual([])
  })

  it('carries a namespace that NVMe multipath put in front of its controllers', () => {
    const subsystem = '/sys/devices/virtual/nvme-subsystem/nvme-subsys0'
    const shared = block('virtual/nvme-subsystem/nvme-subsys0/nvme0n2', '259:9')
    const controller = { [`${subsystem}/nvme0`]: `-> /sys/devices/${ON_DISK}/nvme/nvme0` }
    expect(usesOfDisk(shared, controller, mounts(['259:9', '/', 'ext4', '/dev/nvme0n2']))).toEqual([
      'holds the root file system (/dev/nvme0n2 on /)',
    ])
  })

  it.each([
    ['LVM2_member', 'an LVM physical volume'],
    ['linux_raid_member', 'a member of an md array'],
    ['zfs_member', 'a member of a ZFS pool'],
  ])('is kept as %s by the notes of udev, though nothing of it runs', (type, what) => {
    const notes = { '/run/udev/data/b259:1': `I:1\nE:ID_FS_TYPE=${type}\nE:ID_FS_USAGE=raid\n` }
    expect(usesOfDisk(notes)).toEqual([`has a disk (/dev/nvme0n1p1) that is ${what}`])
  })

  it('carries a ZFS pool when its label is there; where no label is seen, any disk could', () => {
    const pool = mounts(['0:40', '/', 'zfs', 'rpool/ROOT'])
    const label = { '/run/udev/data/b259:1': 'E:\nE:ID_FS_TYPE=zfs_member\n' }
    expect(usesOfDisk(pool, label)).toContain('holds the root file system (rpool/ROOT on /)')
    using machine = new FakeMachine(...MACHINE, ...NVME, ...OTHER_DISK, pool)
    const uses = machine.uses([DISK, OTHER]).map(({ use }) => use)
    expect(uses).toEqual(
      Array.from({ length: 2 }, () => expect.stringMatching(/^could be the one that holds the root/)),
    )
  })
})

describe('a disk that udev says nothing of', () => {
  const silent = { '/run/udev/data/b259:0': '', '/run/udev/data/b259:1': '' }
  const node = (bytes: Buffer): Tree => ({ ...silent, '/dev/nvme0n1': Buffer.alloc(2 ** 20), '/dev/nvme0n1p1': bytes })

  /** A disk of 1 MiB with these bytes somewhere. */
  function disk(offset: number, bytes: string): Buffer {
    const all = Buffer.alloc(2 ** 20)
    all.write(bytes, offset, 'latin1')
    return all
  }

  it('is free when its superblocks are of no array', () => {
    expect(usesOfDisk(node(disk(1080, '\x53\xef')))).toEqual([])
  })

  it.each([
    ['LVM in the second sector', 512, 'LABELONE', 'LVM'],
    ['LVM in the fourth sector', 1536, 'LABELONE', 'LVM'],
    ['md 1.1', 0, '\xfc\x4e\x2b\xa9', 'md'],
    ['md 1.2', 4096, '\xfc\x4e\x2b\xa9', 'md'],
    ['md 1.0', 2 ** 20 - 8192, '\xfc\x4e\x2b\xa9', 'md'],
    ['md 0.90', 2 ** 20 - 65_536, '\xfc\x4e\x2b\xa9', 'md'],
    ['ZFS, little-endian', 128 * 1024 + 5 * 1024, '\x0c\xb1\xba\0\0\0\0\0', 'ZFS'],
    ['ZFS, big-endian', 128 * 1024, '\0\0\0\0\0\xba\xb1\x0c', 'ZFS'],
  ])('is kept by its superblock: %s', (_, offset, bytes, what) => {
    expect(usesOfDisk(node(disk(offset, bytes)))).toEqual([expect.stringMatching(`/dev/nvme0n1p1.*${what}`)])
  })

  it('is kept when it cannot be read either', () => {
    expect(usesOfDisk(silent, { '/dev/nvme0n1': Buffer.alloc(2 ** 20) })).toEqual([
      expect.stringContaining('unknown use, because neither udev nor the disk itself tells'),
    ])
  })
})

describe('a file system from elsewhere', () => {
  it("holds a virtual machine's root by the tag of the folder that its host shares", () => {
    const share = (name: string, place: string, tag: string): Tree => ({
      [`/sys/devices/${place}/${name}/mount_tag`]: `${tag}\0`,
      [`/sys/bus/virtio/drivers/9pnet_virtio/${name}`]: `-> /sys/devices/${place}/${name}`,
    })
    const shares = [share('virtio0', ON_DISK, 'root'), share('virtio1', ON_OTHER, 'out')]
    const root = mounts(['0:20', '/lower', '9p', 'root', 'trans=virtio'])
    expect(usesOfDisk(...shares, root)).toEqual(['holds a mounted file system (root on /lower)'])
  })

  it('holds it by virtiofs', () => {
    const device = { '/sys/bus/virtio/drivers/virtiofs/virtio3': `-> /sys/devices/${ON_DISK}/virtio3` }
    const placed = { [`/sys/devices/${ON_DISK}/virtio3/vendor`]: '' }
    expect(usesOfDisk(device, placed, mounts(['0:20', '/', 'virtiofs', 'tag']))).toHaveLength(1)
  })

  const NETWORK = [net(`${ON_DISK}/net/eth0`), net(`${ON_OTHER}/net/eth1`)]
  const ROUTES = routes(['eth0', '192.0.2.0', '255.255.255.0'], ['eth1', '10.0.0.0', '255.0.0.0'])

  it.each([
    ['nfs4', 'nas:/home', 'rw,vers=4.2,addr=192.0.2.9,clientaddr=192.0.2.1'],
    ['nfs', '192.0.2.9:/home', 'rw'],
    ['cifs', '//nas/share', 'rw,addr=192.0.2.9'],
    ['cifs', '//192.0.2.9/share', 'rw'],
    ['9p', '192.0.2.9', 'trans=tcp'],
    ['fuse.sshfs', 'me@192.0.2.9:/home', 'rw'],
  ])('comes over the interface that leads to its server: %s from %s (%s)', (type, source, options) => {
    const uses = usesOfDisk(...NETWORK, ROUTES, mounts(['0:33', '/home', type, source, options]))
    expect(uses).toEqual([`holds a mounted file system (${source} on /home)`])
  })

  it('comes over any interface when only the name of the server is known', () => {
    using machine = new FakeMachine(
      ...MACHINE,
      ...NETWORK,
      ROUTES,
      mounts(['0:33', '/home', 'fuse.sshfs', 'me@nas:/home']),
    )
    expect(machine.uses([DISK, OTHER]).map(({ use }) => use)).toEqual([
      expect.stringContaining('could be the one that holds a mounted file system (me@nas:/home'),
      expect.stringContaining('could be the one that holds a mounted file system (me@nas:/home'),
    ])
  })

  it.each([
    [
      'platform/host2/session1/target2:0:0/2:0:0:0/block/sdb',
      { '/sys/class/iscsi_connection/connection1:0/address': '192.0.2.9\n' },
    ],
    [
      'virtual/nvme-fabrics/ctl/nvme4/nvme4n1',
      { '/sys/devices/virtual/nvme-fabrics/ctl/nvme4/address': 'traddr=192.0.2.9,trsvcid=4420\n' },
    ],
  ])('comes as a disk from a server: %s', (path, files: Tree) => {
    const uses = usesOfDisk(...NETWORK, ROUTES, block(path, '8:32'), files, mounts(['8:32', '/', 'ext4', '/dev/sdb']))
    expect(uses).toEqual(['holds the root file system (/dev/sdb on /)'])
  })

  it('comes as a disk that does not tell where from: any function could bring it', () => {
    const mounted = mounts(['43:0', '/', 'ext4', '/dev/nbd0'])
    using machine = new FakeMachine(...MACHINE, ...NETWORK, block('virtual/block/nbd0', '43:0'), mounted)
    expect(machine.uses([DISK, OTHER])).toHaveLength(2)
  })
})

describe('what cannot be told', () => {
  it.each([
    ['a root of layers that rest on nothing seen', mounts(['0:50', '/', 'overlay', 'overlay', 'lowerdir=/l'])],
    ['a file system on a disk that the kernel does not show', mounts(['8:77', '/', 'ext4', '/dev/sdz'])],
    [
      'a disk of an unknown kind',
      { ...mounts(['99:0', '/', 'ext4', '/dev/odd0']), ...block('virtual/block/odd0', '99:0') },
    ],
  ])('keeps every disk: %s', (_, tree) => {
    using machine = new FakeMachine(...MACHINE, ...NVME, ...OTHER_DISK, tree)
    const uses = machine.uses([DISK, OTHER])
    expect(uses.map(({ address }) => address)).toEqual([DISK, OTHER])
    for (const { use } of uses) expect(use).toMatch(/^could be the one that holds .*root file system/)
  })

  it('keeps every disk when the kernel shows no mounts at all', () => {
    using machine = new FakeMachine(pci('0000:00:1c.0/0000:03:00.0'), ...NVME)
    expect(machine.uses([DISK])).toHaveLength(1)
  })
})

it.each([
  ['proc', 'proc'],
  ['tmpfs', '/dev/shm'],
  ['overlay', 'overlay'],
])('a mount of %s is no use of any disk', (type, source) => {
  expect(usesOfDisk(mounts(['0:2', '/', 'tmpfs', 'tmpfs'], ['0:50', '/x', type, source]))).toEqual([])
})
