import { type IpAddress, parseHexIp } from './ip-address.ts'

export interface Route {
  readonly interface: string
  readonly network: IpAddress
  /** Bits of the network that count. */
  readonly prefix: number
  readonly metric: number
}

/** Flags of a route (kernel: include/uapi/linux/route.h). */
const Flag = { up: 1, reject: 0x200 } as const

/** /proc/net/route, the main table for IPv4. */
export function parseRoutes(text: string): readonly Route[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [name = '', network = '', , flags = '', , , metric = '0', mask = ''] = line.split(/\s+/)
      if (mask === '' || !usable(flags)) return []
      const prefix = parseHexIp(mask).value.toString(2).replaceAll('0', '').length
      return [{ interface: name, network: parseHexIp(network), prefix, metric: Number(metric) }]
    })
}

/** /proc/net/ipv6_route, which has the network's bytes in order. */
export function parseRoutes6(text: string): readonly Route[] {
  return text.split('\n').flatMap((line) => {
    const [network = '', prefix = '', , , , metric = '', , , flags = '', name = ''] = line.trim().split(/\s+/)
    if (name === '' || !usable(flags)) return []
    const value = BigInt(`0x${network}`)
    return [{ interface: name, network: { bits: 128, value }, prefix: hex(prefix), metric: hex(metric) }]
  })
}

/**
 * The interfaces by which the machine reaches an address: those of the routes with the longest prefix and the least
 * metric, several where several are as good.
 */
export function interfacesTo(address: IpAddress, routes: readonly Route[]): readonly string[] {
  const fitting = routes.filter((route) => holds(route, address))
  const longest = Math.max(...fitting.map(({ prefix }) => prefix))
  const near = fitting.filter(({ prefix }) => prefix === longest)
  const least = Math.min(...near.map(({ metric }) => metric))
  return [...new Set(near.filter(({ metric }) => metric === least).map((route) => route.interface))]
}

function holds({ network, prefix }: Route, { bits, value }: IpAddress): boolean {
  const rest = BigInt(bits - prefix)
  return network.bits === bits && network.value >> rest === value >> rest
}

const hex = (text: string): number => Number.parseInt(text, 16)
const usable = (flags: string): boolean => (hex(flags) & Flag.up) !== 0 && (hex(flags) & Flag.reject) === 0
