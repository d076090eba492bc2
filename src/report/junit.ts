import { completeRecord } from '../record/outcome.ts'
import type { CaseRecord, Reason, RunHead, RunRecord } from '../record/schema.ts'
import { junitDocument } from './junit-document.ts'
import { ReportFile } from './report-file.ts'
import type { Reporter } from './reporter.ts'

/**
 * For CI: the run as JUnit XML. It is also written when the run was interrupted or failed, with what came of it until
 * then and an error beside, so that no CI shows half a run as a good one, or the file of an earlier run.
 */
export class JunitReporter implements Reporter {
  readonly #file: ReportFile
  #head: RunHead | undefined
  readonly #cases: CaseRecord[] = []

  /** @throws ProbarError usage when the file cannot be written */
  constructor(file: string) {
    this.#file = new ReportFile('junit', file)
  }

  start(head: RunHead): void {
    this.#head = head
  }

  caseStarted(): void {}

  caseDone(result: CaseRecord): void {
    this.#cases.push(result)
  }

  /** @throws OsError os-error */
  done(record: RunRecord): void {
    this.#file.write(junitDocument(record))
  }

  /** @throws OsError os-error */
  abort(why: Reason): void {
    this.#file.write(junitDocument(this.#head && completeRecord(this.#head, this.#cases), why))
  }
}
