import { basename } from 'node:path'
import type { SystemFiles } from '../system-files.ts'

/** What a use can rest on when nothing tells on which function of it. */
export type Kind = 'storage' | 'network'

/** What something rests on. */
export interface Carriers {
  /** A chain is PCI functions from the root complex down to the one that does the work: bridges first. */
  readonly chains: readonly (readonly string[])[]
  /** Machines on the network, as text: an address, or a name that nobody resolved. */
  readonly servers: readonly string[]
  /** It rests on a function of this kind, but not seen on which. */
  readonly unplaced: readonly Kind[]
}

export const NOTHING: Carriers = { chains: [], servers: [], unplaced: [] }

export function together(all: readonly Carriers[]): Carriers {
  return {
    chains: all.flatMap(({ chains }) => chains),
    servers: [...new Set(all.flatMap(({ servers }) => servers))],
    unplaced: [...new Set(all.flatMap(({ unplaced }) => unplaced))],
  }
}

const FUNCTION = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/

/**
 * The PCI functions on the way to a device, the device's own last: `/sys/devices/pci0000:00/0000:00:1c.0/0000:03:00.0/…`.
 * A virtual function also rests on its physical one, which stands beside it.
 */
export function functionsOnWay(files: SystemFiles, path: string): readonly string[] {
  const functions = path.split('/').filter((part) => FUNCTION.test(part))
  return functions.flatMap((address) => {
    const physical = files.link(`/sys/bus/pci/devices/${address}/physfn`)
    return physical === undefined ? [address] : [basename(physical), address]
  })
}

/** A device of the kernel by its path in /sys; nothing when it is on no PCI function. */
export function carriedBy(files: SystemFiles, path: string): Carriers {
  const chain = functionsOnWay(files, path)
  return chain.length === 0 ? NOTHING : { ...NOTHING, chains: [chain] }
}
