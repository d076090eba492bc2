import type { Writable } from 'node:stream'
import type { CaseRecord, RunHead, RunRecord } from '../record/schema.ts'
import { caseLines, type Page } from './case-lines.ts'
import { closingLines } from './closing.ts'
import { paint, type Paint } from './paint.ts'
import { ProgressLine } from './progress-line.ts'
import type { Reporter } from './reporter.ts'
import { counted, wrap } from './text.ts'

export interface ConsoleOptions {
  readonly stream: Writable
  /** Shows a progress line and keeps within the columns; elsewhere plain lines, never broken. */
  readonly terminal: boolean
  readonly colours: boolean
  /** Columns of the terminal now; 80 unless told. */
  readonly columns?: () => number
}

/** For people: one line a case below its suite, details of what went wrong, and what it comes to. */
export class ConsoleReporter implements Reporter {
  readonly #stream: Writable
  readonly #columns: () => number
  readonly #paint: Paint
  readonly #progress: ProgressLine | undefined
  #suite: string | undefined
  #bad = 0

  constructor({ stream, terminal, colours, columns = () => 80 }: ConsoleOptions) {
    this.#stream = stream
    this.#columns = terminal ? columns : () => Number.POSITIVE_INFINITY
    this.#paint = paint(colours)
    this.#progress = terminal ? new ProgressLine(stream, columns) : undefined
  }

  start({ versions, device, profile, seed, withoutAddon }: RunHead): void {
    const described = profile === undefined ? '' : `, profile ${profile}`
    const text = `Probar ${versions.probar} on ${device.ref}${described}, seed ${seed}`
    const indent = { first: '', rest: '  ' }
    this.#print(wrap(text, this.#columns(), indent).map(this.#paint.strong))
    if (withoutAddon === undefined) return
    this.#print(wrap(`without the native addon: ${withoutAddon}`, this.#columns(), indent).map(this.#paint.odd))
  }

  caseStarted(id: string, index: number, total: number): void {
    const bad = this.#bad === 0 ? '' : `  ${counted(this.#bad, 'failure')} so far`
    this.#progress?.show(`  ${index + 1}/${total}  ${id}${bad}`)
  }

  caseDone(result: CaseRecord): void {
    const lines = caseLines(result, this.#page)
    const heading = result.suite === this.#suite ? [] : ['', ...this.#heading(result.suite)]
    this.#suite = result.suite
    if (result.verdict === 'fail' || result.verdict === 'error' || result.verdict === 'xpass') this.#bad++
    this.#print([...heading, ...lines])
  }

  done(record: RunRecord): void {
    this.#print(closingLines(record, this.#page))
  }

  abort(): void {
    this.#progress?.clear()
  }

  get #page(): Page {
    return { paint: this.#paint, columns: this.#columns() }
  }

  #heading(suite: string): readonly string[] {
    return wrap(suite, this.#columns(), { first: '', rest: '  ' }).map(this.#paint.strong)
  }

  #print(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join('')
    if (this.#progress === undefined) this.#stream.write(text)
    else this.#progress.above(text)
  }
}
