import type { CaseRecord, RunRecord, Verdict } from '../record/schema.ts'
import { verdicts, witnesses } from '../record/schema.ts'
import { provenRules } from '../spec/coverage.ts'
import type { Page } from './case-lines.ts'
import type { Paint } from './paint.ts'
import { counted, duration, wrap } from './text.ts'

/** What a run comes to: verdicts, who witnessed the passes, rules, skips, and how far all of it reaches. */
export function closingLines(record: RunRecord, page: Page): readonly string[] {
  return [
    ...failedLines(record.cases, page),
    ...skippedLines(record.cases, page),
    '',
    ...verdictLines(record, page),
    ...witnessLines(record.cases, page),
    ...ruleLines(record.cases, page),
    ...reachLines(record.cases, page),
  ]
}

const FLUSH = { first: '', rest: '  ' }
const ENTRY = { first: '  ', rest: '    ' }

const words: Readonly<Record<Verdict, { readonly word: string; readonly colour: keyof Paint }>> = {
  pass: { word: 'passed', colour: 'good' },
  fail: { word: 'failed', colour: 'bad' },
  skip: { word: 'skipped', colour: 'odd' },
  xfail: { word: 'known to fail', colour: 'odd' },
  xpass: { word: 'passed in spite of a known issue', colour: 'bad' },
  error: { word: 'ended in error', colour: 'bad' },
}

/** The ids in full, as `--case` takes them. */
function failedLines(cases: readonly CaseRecord[], { paint, columns }: Page): readonly string[] {
  const bad = cases.filter(({ verdict }) => words[verdict].colour === 'bad')
  if (bad.length === 0) return []
  return ['', paint.strong('not in order'), ...bad.flatMap(({ id }) => wrap(id, columns, ENTRY))]
}

function skippedLines(cases: readonly CaseRecord[], { paint, columns }: Page): readonly string[] {
  const reasons = new Map<string, number>()
  for (const { verdict, reason } of cases) {
    if (verdict !== 'skip') continue
    const why = reason === undefined ? 'no reason given' : `${reason.code}: ${reason.text}`
    reasons.set(why, (reasons.get(why) ?? 0) + 1)
  }
  if (reasons.size === 0) return []
  const entries = [...reasons].flatMap(([why, count]) => wrap(`${counted(count, 'case')}, ${why}`, columns, ENTRY))
  return ['', paint.strong('skipped'), ...entries]
}

function verdictLines({ cases, summary }: RunRecord, { paint, columns }: Page): readonly string[] {
  const time = duration(cases.reduce((sum, { durationMs }) => sum + durationMs, 0))
  const parts = verdicts
    .filter((verdict) => summary[verdict] > 0)
    .map((verdict) => ({ count: summary[verdict], ...words[verdict] }))
  const text = `${counted(cases.length, 'case')} in ${time}: ${parts.map(({ count, word }) => `${count} ${word}`).join(', ')}`
  const worst = parts.find(({ colour }) => colour === 'bad') ?? parts.find(({ colour }) => colour === 'good')
  const colour = paint[worst?.colour ?? 'odd']
  return wrap(cases.length === 0 ? 'no case ran' : text, columns, FLUSH).map((line) => paint.strong(colour(line)))
}

function witnessLines(cases: readonly CaseRecord[], { columns }: Page): readonly string[] {
  const passes = cases.filter(({ verdict }) => verdict === 'pass')
  if (passes.length === 0) return []
  const counts = witnesses
    .toReversed()
    .map((one) => `${passes.filter(({ witness }) => witness === one).length} ${one}`)
    .join(', ')
  return wrap(`of ${counted(passes.length, 'pass', 'passes')}: ${counts}`, columns, FLUSH)
}

function ruleLines(cases: readonly CaseRecord[], { paint, columns }: Page): readonly string[] {
  const { proven, broken, open } = provenRules(cases)
  const parts = [
    `${proven.length} proven`,
    ...(broken.length === 0 ? [] : [`${broken.length} broken (${broken.join(', ')})`]),
    ...(open.length === 0 ? [] : [`${open.length} open`]),
  ]
  if (proven.length + broken.length + open.length === 0) return []
  const lines = wrap(`rules: ${parts.join(', ')}`, columns, FLUSH)
  if (open.length === 0) return lines
  const meaning =
    'open: not run to its end, known to fail, with clauses left, or marked H with a model as the only witness'
  return [...lines, ...wrap(meaning, columns, FLUSH).map((line) => paint.faint(line))]
}

/** Said plainly, so that nobody takes a run on a loopback for a statement about hardware. */
function reachLines(cases: readonly CaseRecord[], { paint, columns }: Page): readonly string[] {
  const ran = cases.filter(({ verdict }) => verdict !== 'skip')
  if (ran.length === 0 || ran.some(({ witness }) => witness !== 'model')) return []
  const text = "Only Probar's own model answered: this shows Probar's code, not hardware."
  return ['', ...wrap(text, columns, { first: '', rest: '' }).map((line) => paint.odd(line))]
}
