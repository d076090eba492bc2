import { writeSync } from 'node:fs'
import { finishJournal, failUnlessBack } from './finish.ts'
import type { GuardianTask } from './guardian.ts'
import { thisProcess } from './holder.ts'
import { findJournal } from './journal.ts'
import { writeHolder } from './lease.ts'
import { type TakingPlaces, writeAttribute } from './places.ts'

/**
 * The guardian's second half, in a process of its own (guardian.ts): Probar has died. What is in the journal is put back;
 * no journal means that it died before anything was taken, or after all was put back. Throws what the log should say.
 */
export function putBackAfterDeath(task: GuardianTask, write: TakingPlaces['write'] = writeAttribute): void {
  const found = findJournal(task.name, task)
  if (found === undefined) return
  const { pid, purpose } = found.journal.holder
  const now = (): Date => new Date()
  writeHolder(task.lease, thisProcess(`puts the device back after pid ${pid} (${purpose}) died`, { ...task, now }))
  const { returned } = finishJournal(found.file, { ...task, write })
  for (const { address, driver, state } of returned) {
    say(`${now().toISOString()} ${address}: ${state} (${driver ?? 'no driver'}), after pid ${pid} (${purpose}) died`)
  }
  failUnlessBack(returned, found.file)
}

const say = (line: string): void => void writeSync(1, `${line}\n`)
