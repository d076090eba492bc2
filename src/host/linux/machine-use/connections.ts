import { type IpAddress, parseHexIp, parseIp } from './ip-address.ts'
import type { SystemFiles } from '../system-files.ts'

/** An established TCP connection. */
export interface Connection {
  readonly local: IpAddress
  readonly localPort: number
  readonly remote: IpAddress
  readonly remotePort: number
  readonly inode: string
}

const ESTABLISHED = '01'
export const SSH_PORT = 22

/** /proc/net/tcp and /proc/net/tcp6 (kernel: Documentation/networking/proc_net_tcp.rst). */
export function parseTcp(text: string): readonly Connection[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/)
    if (state !== ESTABLISHED) return []
    const [near, far] = [endpoint(local), endpoint(remote)]
    return [{ local: near.address, localPort: near.port, remote: far.address, remotePort: far.port, inode }]
  })
}

function endpoint(text: string): { readonly address: IpAddress; readonly port: number } {
  const [address = '', port = ''] = text.split(':')
  return { address: parseHexIp(address), port: Number.parseInt(port, 16) }
}

export const readConnections = (files: SystemFiles): readonly Connection[] =>
  ['tcp', 'tcp6'].flatMap((name) => parseTcp(files.text(`/proc/net/${name}`) ?? ''))

/** The two ends of an SSH session into this machine. */
export type SshSession = Pick<Connection, 'local' | 'remote'>

/**
 * Sessions of SSH servers: connections to their usual port, those that a server's process holds whatever the port, and the
 * one that `told` names.
 * @param told the variable SSH_CONNECTION: the addresses and ports of client and server, divided by blanks
 */
export function sshSessions(
  files: SystemFiles,
  connections: readonly Connection[],
  told?: string,
): readonly SshSession[] {
  const sockets = serverSockets(files)
  const found = connections.filter(({ localPort, inode }) => localPort === SSH_PORT || sockets.has(inode))
  const [client = '', , server = ''] = (told ?? '').split(' ')
  const [remote, local] = [parseIp(client), parseIp(server)]
  return remote === undefined || local === undefined ? found : [...found, { remote, local }]
}

/** Names that processes of SSH servers have: OpenSSH (sshd-session since 9.8), Dropbear, TinySSH. */
const SERVER = /^(?:sshd|dropbear|tinysshd)/

/** Inode numbers. Another user's process does not show its files. */
function serverSockets(files: SystemFiles): ReadonlySet<string> {
  const servers = files
    .names('/proc')
    .filter((pid) => /^\d+$/.test(pid) && SERVER.test(files.text(`/proc/${pid}/comm`) ?? ''))
  const targets = servers.flatMap((pid) =>
    files.names(`/proc/${pid}/fd`).map((fd) => files.link(`/proc/${pid}/fd/${fd}`) ?? ''),
  )
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []))
}
