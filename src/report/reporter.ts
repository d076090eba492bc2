import type { CaseRecord, RunHead, RunRecord } from '../record/schema.ts'

/** Formats a run while it goes on. Cases come one after another; either `done` or `abort` comes last. */
export interface Reporter {
  /** @throws ProbarError usage when what it will write cannot be written, before any case has run */
  start(head: RunHead): void
  /** @param index from 0 */
  caseStarted(id: string, index: number, total: number): void
  caseDone(result: CaseRecord, index: number, total: number): void
  done(record: RunRecord): void | Promise<void>
  /** The run was interrupted: leaves nothing half written. Safe to call at any time. */
  abort(): void
}
