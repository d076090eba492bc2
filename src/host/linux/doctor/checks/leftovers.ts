import { basename } from 'node:path'
import { EVERY_WAY, type Finding, asRoot } from '../finding.ts'
import type { Leftover } from '../leftovers.ts'
import type { MachineFacts } from '../machine-facts.ts'

/** Devices that a run which died together with its guardian could not give back. */
export function leftoversFinding({ leftovers }: MachineFacts): Finding {
  const broken = leftovers.filter(({ state }) => state === 'left' || state === 'unreadable')
  const bound = leftovers.filter(({ state }) => state === 'bound')
  const kept = bound.map((one) => `${addressesOf(one)} stays bound until 'probar unbind'`)
  const found = [...broken.map(text), ...kept]
  return {
    check: 'leftovers',
    title: 'Left over',
    state: broken.length === 0 ? 'ok' : 'warn',
    found: found.length === 0 ? 'nothing of earlier runs' : found.join('; '),
    why: 'A run that was cut off, as by a power cut, could not give its device back.',
    mend: broken.length === 0 ? [] : asRoot('npx probar doctor --repair'),
    ways: EVERY_WAY,
  }
}

function text(leftover: Leftover): string {
  const { file, journal } = leftover
  // It is named after the lease of a group, and stops those only who would take that group.
  if (journal === undefined) return `${file} cannot be read, and nothing of ${basename(file, '.json')} can be taken`
  return `${addressesOf(leftover)}, taken by process ${journal.holder.pid} at ${journal.holder.startedAt}, is not back`
}

const addressesOf = ({ journal }: Leftover): string =>
  (journal?.functions ?? [])
    .map(({ address, driver }) => `${address}${driver === null ? '' : ` of ${driver}`}`)
    .join(', ')
