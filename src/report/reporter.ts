import type { CaseRecord, Reason, RunHead, RunRecord } from '../record/schema.ts'

/** Formats a run while it goes on. Cases come one after another. */
export interface Reporter {
  start(head: RunHead): void
  /** @param index from 0 */
  caseStarted(id: string, index: number, total: number): void
  caseDone(result: CaseRecord, index: number, total: number): void
  done(record: RunRecord): void | Promise<void>
  /**
   * The run was interrupted or failed: leaves nothing half written. Comes at any time: before `start` when the device
   * was not reached, after `done` when it could not be put back.
   */
  abort(why: Reason): void
}
