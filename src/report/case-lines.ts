import type { CaseRecord, RecordedOperation, Verdict } from '../record/schema.ts'
import type { Paint } from './paint.ts'
import { counted, duration, printable, shorten, wrap } from './text.ts'

/** How a page is written on. */
export interface Page {
  readonly paint: Paint
  /** Columns to keep within; infinite where lines are not to be broken. */
  readonly columns: number
}

/** Operations shown below a case that did not pass; the record has more. */
const OPERATIONS_SHOWN = 8
/** Below this, a line has room for the name of the case only. */
const WIDE = 60
/** Where the columns on the right end when nothing sets a width. */
const USUAL = 80
/** Characters of one argument; bytes in hexadecimal are long. */
const VALUE_SHOWN = 32
const OPERATION = { first: '      ', rest: '          ' }
const DETAIL = { first: '      ', rest: '      ' }

export function caseLines(result: CaseRecord, page: Page): readonly string[] {
  const title = titleLine(result, page)
  switch (result.verdict) {
    case 'pass':
      return [...title, ...remarkLines(result, page)]
    case 'skip':
      return title
    case 'xfail':
      return [...title, ...reasonLines(result, 'known issue', page)]
    case 'xpass':
      return [...title, ...reasonLines(result, 'passes in spite of the known issue', page)]
    case 'fail':
    case 'error':
      return [
        ...title,
        ...reasonLines(result, result.reason?.code ?? result.verdict, page),
        ...evidenceLines(result, page),
      ]
  }
}

function titleLine(result: CaseRecord, { paint, columns }: Page): readonly string[] {
  const { sign, colour } = signs[result.verdict]
  const name = printable(shortName(result))
  const side = printable(result.verdict === 'skip' ? skipped(result) : witnessed(result))
  const width = Math.min(columns, USUAL)
  const room = width - 4 - side.length - 1
  const mark = paint[colour](sign)
  const fits = columns >= WIDE && name.length <= room
  if (!fits && Number.isFinite(columns)) {
    const [first = '', ...others] = wrap(name, columns, { first: '', rest: '    ' })
    return [`  ${mark} ${first}`, ...others]
  }
  return [`  ${mark} ${name}${' '.repeat(Math.max(1, room - name.length + 1))}${paint.faint(side)}`]
}

const signs: Readonly<Record<Verdict, { readonly sign: string; readonly colour: keyof Paint }>> = {
  pass: { sign: '✓', colour: 'good' },
  fail: { sign: '✗', colour: 'bad' },
  skip: { sign: '-', colour: 'odd' },
  xfail: { sign: '~', colour: 'odd' },
  xpass: { sign: '+', colour: 'bad' },
  error: { sign: '!', colour: 'bad' },
}

/** Without the suite in front, which is the heading above it. */
function shortName({ id, suite }: CaseRecord): string {
  return id.startsWith(`${suite}/`) ? id.slice(suite.length + 1) : id
}

const witnessed = ({ witness, durationMs }: CaseRecord): string => `${witness} ${duration(durationMs).padStart(9)}`

const skipped = ({ reason }: CaseRecord): string => `skipped: ${reason?.code ?? 'no reason'}`

/** A pass that has a reason is not a plain one, for example because it took more than one attempt. */
function remarkLines({ reason }: CaseRecord, { paint, columns }: Page): readonly string[] {
  return reason === undefined ? [] : wrap(reason.text, columns, DETAIL).map((line) => paint.odd(line))
}

function reasonLines({ reason, rules }: CaseRecord, label: string, { paint, columns }: Page): readonly string[] {
  const text = reason === undefined ? label : `${label}: ${reason.text}`
  const named = rules.length === 0 ? [] : wrap(`rules ${rules.join(', ')}`, columns, DETAIL)
  return [...wrap(text, columns, DETAIL).map((line) => paint.strong(line)), ...named.map((line) => paint.faint(line))]
}

/** The last operations before a case ended, or nothing. */
export function evidenceLines({ evidence }: CaseRecord, { paint, columns }: Page): readonly string[] {
  if (evidence === undefined || evidence.ops.length === 0) return []
  const total = evidence.ops.length + (evidence.dropped ?? 0)
  const last = evidence.ops.slice(-OPERATIONS_SHOWN)
  const heading = last.length === total ? 'what it did' : `its last ${last.length} of ${counted(total, 'operation')}`
  const lines = last.flatMap((operation) => wrap(operationText(operation), columns, OPERATION))
  return [...wrap(heading, columns, DETAIL), ...lines].map((line) => paint.faint(line))
}

function operationText({ t, op, args, result, times }: RecordedOperation): string {
  const given = Object.entries(args).map(([name, value]) => ` ${name}=${shorten(String(value), VALUE_SHOWN)}`)
  const got = result === undefined ? '' : ` → ${shorten(String(result), VALUE_SHOWN)}`
  const repeated = times === undefined ? '' : `  (${times} times)`
  return `${t.toFixed(1).padStart(7)} ms  ${op}${given.join('')}${got}${repeated}`
}
