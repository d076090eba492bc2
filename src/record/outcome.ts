import type { CaseRecord, RunHead, RunRecord, Summary } from './schema.ts'

/** A count for each verdict; a verdict that did not occur counts 0. */
export function summarise(cases: Iterable<Pick<CaseRecord, 'verdict'>>): Summary {
  const counts = { pass: 0, fail: 0, skip: 0, xfail: 0, xpass: 0, error: 0 }
  for (const { verdict } of cases) counts[verdict]++
  return counts
}

export function completeRecord(head: RunHead, cases: readonly CaseRecord[]): RunRecord {
  return { ...head, cases, summary: summarise(cases) }
}

/** 0 proven · 1 a rule is broken · 4 a case broke · 5 nothing proven, or something skipped that should have run. */
export type RunStatus = 0 | 1 | 4 | 5

/**
 * The exit status of a finished run. Where several apply, the one that says most about the device wins: a broken rule
 * (1) stays a finding whatever else went wrong; a case that broke (4) comes before 5, because what it would have
 * shown is unknown, and an unexpected skip says why itself. A known issue (xfail) is neither a failure nor a pass.
 *
 * @param expectedSkips codes that the profile, the user or the backend declared beforehand
 */
export function exitStatusOf(record: Pick<RunRecord, 'cases'>, expectedSkips: ReadonlySet<string>): RunStatus {
  const counts = summarise(record.cases)
  if (counts.fail > 0 || counts.xpass > 0) return 1
  if (counts.error > 0) return 4
  if (counts.pass === 0 || unexpectedSkips(record.cases, expectedSkips).length > 0) return 5
  return 0
}

/** Skipped cases whose code nobody declared; a skip without a reason is one of them. */
export function unexpectedSkips(
  cases: readonly CaseRecord[],
  expectedSkips: ReadonlySet<string>,
): readonly CaseRecord[] {
  return cases.filter(
    ({ verdict, reason }) => verdict === 'skip' && (reason === undefined || !expectedSkips.has(reason.code)),
  )
}
