import { codeOf } from '../../../base/errors.ts'
import { type Journal, journalFiles, readJournal } from '../taking/journal.ts'
import { ifPresent } from '../gone.ts'
import type { SystemFiles } from '../system-files.ts'
import { LEASES, isOpen } from './holders.ts'

/** A journal of devices that were taken from their drivers. */
export interface Leftover {
  readonly file: string
  /**
   * `held`: whoever took them has them still. `bound`: they were bound by hand, until `probar unbind`. `left`: who took them
   * is gone, and has not put them back. `rebooted`: the machine was booted since, which undid it. `unreadable`: no journal.
   */
  readonly state: 'held' | 'bound' | 'left' | 'rebooted' | 'unreadable'
  readonly journal?: Journal
}

/** Where Probar keeps journals (../taking/places.ts). */
const JOURNALS = ['/var/lib/probar', LEASES]

/** What is written down as taken; nothing is locked or changed by looking. */
export function readLeftovers(files: SystemFiles): readonly Leftover[] {
  const bootId = files.text('/proc/sys/kernel/random/boot_id')?.trim()
  return journalFiles({ journals: JOURNALS.map((folder) => files.place(folder)) }).flatMap((file) => {
    // Its holder may finish it while this looks.
    const found = ifPresent(() => journalOf(file))
    if (found === undefined) return []
    return found === 'unreadable'
      ? { file, state: found }
      : { file, state: stateOf(found, files, bootId), journal: found }
  })
}

function stateOf(journal: Journal, files: SystemFiles, bootId: string | undefined): Leftover['state'] {
  if (journal.holder.bootId !== bootId) return 'rebooted'
  if (isOpen(files, `${LEASES}/${journal.name}.lease`, journal.holder.pid)) return 'held'
  return journal.functions.every(({ until }) => until === 'unbind') ? 'bound' : 'left'
}

function journalOf(file: string): Journal | 'unreadable' {
  try {
    return readJournal(file)
  } catch (error) {
    if (codeOf(error) !== undefined) return 'unreadable'
    throw error
  }
}
