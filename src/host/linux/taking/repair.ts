import { existsSync } from 'node:fs'
import { ProbarError, codeOf } from '../../../base/errors.ts'
import type { FileLockSurface } from '../../../native/surface.ts'
import { type FinishedJournal, type Returned, finishJournal } from './finish.ts'
import { thisProcess, told } from './holder.ts'
import { journalFiles, setAside } from './journal.ts'
import { tryLease } from './lease.ts'
import { type TakingPlaces, machinePlaces } from './places.ts'
import { checkUnused } from '../vfio-users.ts'

/** What became of one journal. */
export interface Repaired {
  readonly file: string
  /**
   * `back`: what a dead holder left taken has its drivers again. `kept`: bound by hand, until `probar unbind`. `held`:
   * its holder lives, nothing was done. `rebooted`: made before the last boot, which undid all of it; removed.
   * `unreadable`: put aside; what it was for is not known. `failed`: not all could be put back, see the text.
   */
  readonly state: FinishedJournal['state'] | 'held' | 'unreadable'
  /** The functions that were put back, or were to be. */
  readonly returned: readonly Returned[]
  /** All of it in words. */
  readonly text: string
}

/**
 * Finishes what holders left that died together with their guardians: each journal whose group nobody holds.
 * Needs root. May be repeated; what it could not put back stays written down, and keeps no other from its turn.
 */
export function finishJournals(locks: FileLockSurface, places: TakingPlaces = machinePlaces()): readonly Repaired[] {
  return journalFiles(places).flatMap((file) => {
    try {
      return repairOne(file, locks, places)
    } catch (error) {
      if (!(error instanceof ProbarError)) throw error
      return { file, state: 'failed', returned: [], text: error.message }
    }
  })
}

/** @returns nothing for what its holder has finished since it was listed. @throws ProbarError */
function repairOne(file: string, locks: FileLockSurface, places: TakingPlaces): Repaired | [] {
  const name = file.slice(file.lastIndexOf('/') + 1, -'.json'.length)
  const state = tryLease(name, thisProcess('probar doctor --repair', places), places, locks)
  if ('heldBy' in state) {
    return { file, state: 'held', returned: [], text: `${name} is held by ${told(state.heldBy)}: nothing to repair` }
  }
  try {
    return existsSync(file) ? finishOne(file, places) : []
  } finally {
    state.lease[Symbol.dispose]()
  }
}

function finishOne(file: string, places: TakingPlaces): Repaired {
  try {
    const finished = finishJournal(file, places, (address) => checkUnused(address, places))
    return { file, state: finished.state, returned: finished.returned, text: textOf(finished) }
  } catch (error) {
    if (codeOf(error) !== 'journal-invalid') throw error
    const text = `${(error as Error).message}. It is kept as ${setAside(file)}`
    return { file, state: 'unreadable', returned: [], text }
  }
}

function textOf({ state, journal, returned }: FinishedJournal): string {
  const { pid, purpose, startedAt } = journal.holder
  const who = `pid ${pid} (${purpose}), ${startedAt}`
  switch (state) {
    case 'rebooted':
      return `${journal.name}: taken by ${who}; the machine was booted since, so nothing is left to be put back`
    case 'kept':
      return `${journal.name}: bound by ${who}; 'probar unbind ${journal.functions[0]?.address ?? ''}' puts it back`
    case 'back':
    case 'failed':
      return `${journal.name}: left by ${who}: ${returned.map(wordsOf).join('; ')}`
  }
}

function wordsOf({ address, driver, state, error }: Returned): string {
  switch (state) {
    case 'back':
      return `${address} is back with ${driver ?? 'no driver'}`
    case 'gone':
      return `${address} is there no more`
    case 'failed':
      return `${address} is NOT back with ${driver ?? 'no driver'}: ${error instanceof Error ? error.message : String(error)}`
  }
}
