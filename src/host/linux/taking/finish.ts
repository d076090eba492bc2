import { ProbarError, codeOf } from '../../../base/errors.ts'
import { type FormerBinding, putBack } from './binding.ts'
import { bootId } from './holder.ts'
import { type Journal, type JournalEntry, readJournal, removeJournal, writeJournal } from './journal.ts'
import type { TakingPlaces } from './places.ts'

/** A function that was to be put back. */
export interface Returned extends FormerBinding {
  /** `gone`: there is no such function any more. */
  readonly state: 'back' | 'gone' | 'failed'
  /** Why it failed. */
  readonly error?: unknown
}

/** Throws for a function that is not to be touched now. */
type MayPutBack = (address: string) => void

/** Puts functions back, the last first; one that fails keeps none from its turn. */
export function putAllBack(
  functions: readonly FormerBinding[],
  places: Pick<TakingPlaces, 'bus' | 'write'>,
  mayPutBack: MayPutBack = () => undefined,
): readonly Returned[] {
  return functions.toReversed().map(({ address, driver, override }) => {
    const former = { address, driver, override }
    try {
      mayPutBack(address)
      return { ...former, state: putBack(former, places) }
    } catch (error) {
      return { ...former, state: 'failed', error }
    }
  })
}

/** @throws ProbarError that names every function that is not back, and the journal that remembers it */
export function failUnlessBack(returned: readonly Returned[], file: string | undefined): void {
  const failures = returned.flatMap(({ state, error }) => (state === 'failed' ? [error] : []))
  const [first] = failures
  if (first === undefined) return
  const each = failures.map((failure) => (failure instanceof ProbarError ? failure.message : String(failure)))
  const again =
    file === undefined ? '' : `; after that 'probar doctor --repair' goes on (what is to be done is in ${file})`
  const code = codeOf(first) ?? 'device-driver'
  throw new ProbarError(code, `not put back: ${each.join('; ')}${again}`, { cause: first })
}

/** What became of a journal. */
export interface FinishedJournal {
  /** `kept`: what it names was bound by hand and stays. `rebooted`: the kernel that had bound it is gone, and so is the binding. */
  readonly state: 'back' | 'kept' | 'rebooted' | 'failed'
  readonly journal: Journal
  readonly returned: readonly Returned[]
}

/**
 * Puts back what a holder that is dead left taken. For whoever has the lease.
 * @throws ProbarError journal-invalid
 */
export function finishJournal(
  file: string,
  places: Pick<TakingPlaces, 'bus' | 'write' | 'bootIdFile'>,
  mayPutBack?: MayPutBack,
): FinishedJournal {
  const journal = readJournal(file)
  if (journal.holder.bootId !== bootId(places)) {
    removeJournal(file)
    return { state: 'rebooted', journal, returned: [] }
  }
  const left = journal.functions.filter(({ until }) => until === 'end')
  if (left.length === 0) return { state: 'kept', journal, returned: [] }
  const returned = putAllBack(left, places, mayPutBack)
  settleJournal(file, journal, returned)
  return { state: returned.some(({ state }) => state === 'failed') ? 'failed' : 'back', journal, returned }
}

/** Takes what was put back out of the journal; a journal of nothing is removed. */
export function settleJournal(file: string, journal: Journal, returned: readonly Returned[]): void {
  const done = new Set(returned.flatMap(({ state, address }) => (state === 'failed' ? [] : [address])))
  const functions: readonly JournalEntry[] = journal.functions.filter(({ address }) => !done.has(address))
  if (functions.length === 0) removeJournal(file)
  else writeJournal(file, { ...journal, functions: [...functions] })
}
