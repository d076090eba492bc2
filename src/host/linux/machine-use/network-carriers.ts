import { type Carriers, NOTHING, carriedBy, together } from './carriers.ts'
import { type IpAddress, isLoopback, parseIp } from './ip-address.ts'
import { type Route, interfacesTo, parseRoutes, parseRoutes6 } from './routes.ts'
import type { SystemFiles } from '../system-files.ts'

const UNPLACED: Carriers = { ...NOTHING, unplaced: ['network'] }

export const readRoutes = (files: SystemFiles): readonly Route[] => [
  ...parseRoutes(files.text('/proc/net/route') ?? ''),
  ...parseRoutes6(files.text('/proc/net/ipv6_route') ?? ''),
]

/** What the way to another machine rests on; `local` is this machine's own address in a connection, where it is known. */
export function wayTo(files: SystemFiles, routes: readonly Route[], remote: IpAddress, local?: IpAddress): Carriers {
  if (isLoopback(remote)) return NOTHING
  const ends = local === undefined ? [remote] : [remote, local]
  const interfaces = [...new Set(ends.flatMap((end) => interfacesTo(end, routes)))]
  return interfaces.length === 0 ? UNPLACED : together(interfaces.map((name) => interfaceCarriers(files, name)))
}

/** … to a server that is known by its name or address. A name is not looked up: that could itself need the network. */
export function wayToServer(files: SystemFiles, routes: readonly Route[], server: string): Carriers {
  const address = parseIp(server)
  return address === undefined ? UNPLACED : wayTo(files, routes, address)
}

/** What a network interface rests on; bonds, bridges, VLANs and teams through their lower interfaces. */
export function interfaceCarriers(
  files: SystemFiles,
  name: string,
  seen: ReadonlySet<string> = new Set<string>(),
): Carriers {
  if (seen.has(name) || name === 'lo') return NOTHING
  const path = files.real(`/sys/class/net/${name}`)
  if (path === undefined) return UNPLACED
  const lower = files
    .names(path)
    .filter((entry) => entry.startsWith('lower_'))
    .map((entry) => interfaceCarriers(files, entry.slice('lower_'.length), new Set([...seen, name])))
  const found = together([carriedBy(files, path), ...lower])
  const known = lower.length > 0 || !path.startsWith('/sys/devices/virtual/')
  return known ? found : UNPLACED
}
