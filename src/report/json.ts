import type { Writable } from 'node:stream'
import type { RunRecord } from '../record/schema.ts'
import { ReportFile } from './report-file.ts'
import type { Reporter } from './reporter.ts'

export interface JsonOptions {
  /** A file, or `-` for the stream. */
  readonly target: string
  readonly stdout: Writable
}

/** Writes the record itself. A run that did not come to its end has none: a file that was there stays as it was. */
export class JsonReporter implements Reporter {
  readonly #write: (text: string) => void

  /** @throws ProbarError usage when the file cannot be written */
  constructor({ target, stdout }: JsonOptions) {
    const file = target === '-' ? undefined : new ReportFile('json', target)
    this.#write = (text) => void (file === undefined ? stdout.write(text) : file.write(text))
  }

  start(): void {}

  caseStarted(): void {}

  caseDone(): void {}

  /** @throws OsError os-error */
  done(record: RunRecord): void {
    this.#write(`${JSON.stringify(record, null, 2)}\n`)
  }

  abort(): void {}
}
