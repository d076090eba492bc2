import { anyFunction } from './any-function.ts'
import { NOTHING, together } from './carriers.ts'
import { readConnections, sshSessions } from './connections.ts'
import { ipText } from './ip-address.ts'
import { readRoutes, wayTo, wayToServer } from './network-carriers.ts'
import type { Route } from './routes.ts'
import { type Phrase, type Use, storageUses } from './storage-uses.ts'
import type { SystemFiles } from '../system-files.ts'

/** Phrases for each PCI function that something of the machine rests on. */
export function usedFunctions(files: SystemFiles, sshConnection?: string): ReadonlyMap<string, readonly Phrase[]> {
  const used = new Map<string, Map<string, Phrase>>()
  for (const { use, label, chains } of placedUses(files, sshConnection)) {
    for (const chain of chains) {
      const last = chain.at(-1)
      for (const address of chain) {
        const phrase = address === last ? use : `leads to ${last}, which ${use}`
        const phrases = used.get(address) ?? new Map<string, Phrase>()
        used.set(address, phrases.set(phrase, { use: phrase, label }))
      }
    }
  }
  return new Map([...used].map(([address, phrases]) => [address, [...phrases.values()]]))
}

/** All uses by the functions that they rest on; where that is not seen, by every one that it could be. */
function placedUses(files: SystemFiles, sshConnection: string | undefined): readonly Use[] {
  const routes = readRoutes(files)
  const uses = [...storageUses(files), ...sessionUses(files, routes, sshConnection)].map((use) => ({
    use: use.use,
    label: use.label,
    ...together([use, ...use.servers.map((server) => wayToServer(files, routes, server))]),
  }))
  const unplaced = [...uses, ...unreadUses(files)].flatMap(({ use, label, unplaced }) => {
    const chains = unplaced.flatMap((kind) => anyFunction(files, kind))
    const could = `could be the one that ${use}, for nothing tells which one it is`
    return [{ ...NOTHING, chains, use: could, label: `${label}?` }]
  })
  return [...uses, ...unplaced]
}

function sessionUses(files: SystemFiles, routes: readonly Route[], sshConnection: string | undefined): readonly Use[] {
  return sshSessions(files, readConnections(files), sshConnection).map(({ remote, local }) => ({
    ...wayTo(files, routes, remote, local),
    use: `carries an SSH session with ${ipText(remote)}`,
    label: 'SSH session',
  }))
}

/** What this user may not read, of what tells of the whole machine. Processes of others are not among that. */
function unreadUses(files: SystemFiles): readonly Use[] {
  return files.denied
    .filter((path) => path.startsWith('/sys/') || /^\/proc\/(?:self|net|swaps)(?:\/|$)/.test(path))
    .map((path) => ({
      ...NOTHING,
      use: `serves what ${path} would tell of, which this user may not read`,
      label: 'unreadable',
      unplaced: path.includes('/net') ? ['network'] : ['storage', 'network'],
    }))
}
