import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type MachineUse, machineUses } from '../../../../src/host/linux/machine-use.ts'

/** Contents of a file by its path, which ends with a slash for an empty folder; `-> /target` makes a symbolic link to a path below the same root, `=> text` one that
 * says exactly that. */
export type Tree = Readonly<Record<string, string | Buffer>>

/** A root folder that looks as the kernel's /proc and /sys do, as far as they are read. */
export class FakeMachine implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'probar-machine-'))

  /** Of several trees the last one that has a path counts. */
  constructor(...trees: readonly Tree[]) {
    const files = new Map(trees.flatMap((tree) => Object.entries(tree)))
    for (const [path, contents] of files) this.#add(path, contents)
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true })
  }

  uses(addresses: readonly string[], sshConnection?: string): readonly MachineUse[] {
    return machineUses(addresses, { root: this.root, sshConnection })
  }

  #add(path: string, contents: string | Buffer): void {
    const place = join(this.root, path)
    mkdirSync(path.endsWith('/') ? place : dirname(place), { recursive: true })
    if (path.endsWith('/')) return
    if (typeof contents === 'string' && contents.startsWith('=> ')) symlinkSync(contents.slice(3), place)
    else if (typeof contents === 'string' && contents.startsWith('-> '))
      symlinkSync(join(this.root, contents.slice(3)), place)
    else writeFileSync(place, contents)
  }
}

/** A PCI function at its place in the hierarchy, with its group's other members. */
export function pci(path: string, group?: { readonly number: number; readonly others?: readonly string[] }): Tree {
  const address = path.split('/').at(-1) ?? ''
  const folder = `/sys/devices/pci0000:00/${path}`
  const listed = { [`/sys/bus/pci/devices/${address}`]: `-> ${folder}`, [`${folder}/vendor`]: '0x8086\n' }
  if (group === undefined) return listed
  const members = [address, ...(group.others ?? [])]
  const groupFolder = `/sys/kernel/iommu_groups/${group.number}`
  const devices = members.map((member) => [`${groupFolder}/devices/${member}`, ''] as const)
  return { ...listed, ...Object.fromEntries(devices), [`${folder}/iommu_group`]: `-> ${groupFolder}` }
}

/** A block device by its path below /sys/devices, which ends with its name; udev says that it is no member of anything. */
export function block(path: string, numbers: string, files: Tree = {}): Tree {
  const name = path.split('/').at(-1) ?? ''
  const folder = `/sys/devices/${path}`
  return {
    [`/sys/class/block/${name}`]: `-> ${folder}`,
    [`/sys/dev/block/${numbers}`]: `-> ${folder}`,
    [`${folder}/dev`]: `${numbers}\n`,
    [`${folder}/size`]: '2048\n',
    [`/run/udev/data/b${numbers}`]: 'I:1\nE:ID_FS_TYPE=\n',
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text])),
  }
}

export const partition = (path: string, numbers: string, files: Tree = {}): Tree =>
  block(path, numbers, { ...files, partition: '1\n' })

/** Lines of /proc/self/mountinfo: numbers, mount point, type, source, options. */
export function mounts(...lines: readonly (readonly [string, string, string, string, string?])[]): Tree {
  const text = lines.map(
    ([numbers, point, type, source, options = 'rw'], i) =>
      `${i + 20} 1 ${numbers} / ${point} rw,relatime - ${type} ${source} ${options}\n`,
  )
  return { '/proc/self/mountinfo': text.join('') }
}

/** A network interface by its path below /sys/devices. */
export function net(path: string, files: Tree = {}): Tree {
  const folder = `/sys/devices/${path}`
  const name = path.split('/').at(-1) ?? ''
  const entries = Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text] as const)
  return { [`/sys/class/net/${name}`]: `-> ${folder}`, [`${folder}/ifindex`]: '2\n', ...Object.fromEntries(entries) }
}

const ROUTE_HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
/** Interface, network, mask (both as `10.0.0.0`), and metric. */
export function routes(...lines: readonly (readonly [string, string, string, number?])[]): Tree {
  const text = lines.map(
    ([name, network, mask, metric = 0]) =>
      `${name}\t${little(network)}\t00000000\t0001\t0\t0\t${metric}\t${little(mask)}\t0\t0\t0\n`,
  )
  return { '/proc/net/route': ROUTE_HEAD + text.join('') }
}

const TCP_HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
/** Ends as `10.0.0.1:22`, the state as the kernel's number, the inode. */
export function tcp(...lines: readonly (readonly [string, string, string?, number?])[]): Tree {
  const text = lines.map(
    ([local, remote, state = '01', inode = 900], i) =>
      `   ${i}: ${endpoint(local)} ${endpoint(remote)} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`,
  )
  return { '/proc/net/tcp': TCP_HEAD + text.join('') }
}

function endpoint(text: string): string {
  const [address = '', port = ''] = text.split(':')
  return `${little(address)}:${Number(port).toString(16).toUpperCase().padStart(4, '0')}`
}

const little = (address: string): string =>
  address
    .split('.')
    .toReversed()
    .map((byte) => Number(byte).toString(16).toUpperCase().padStart(2, '0'))
    .join('')
