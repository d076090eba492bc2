import { unexpectedSkips } from '../../record/outcome.ts'
import type { CaseRecord, RunRecord } from '../../record/schema.ts'
import type { Session } from '../../session/session.ts'
import { counted } from '../../report/text.ts'

/** Codes that the user or the profile foresaw. */
export function expectedSkips(allowed: readonly string[], { profile }: Session): ReadonlySet<string> {
  return new Set([...allowed, ...(profile.expectSkip ?? [])])
}

/** What a user should know of skips beside the report: those that nobody expected, and those allowed for nothing. */
export function skipRemarks(
  { cases }: Pick<RunRecord, 'cases'>,
  allowed: readonly string[],
  expected: ReadonlySet<string>,
): readonly string[] {
  const surprises = [...byCode(unexpectedSkips(cases, expected))].map(
    ([code, count]) =>
      `unexpected: ${counted(count, 'case')} skipped with ${code}; where that is no surprise, say so by ` +
      `--allow-skip ${code} or in the profile's expectSkip`,
  )
  const met = byCode(cases)
  const idle = [...new Set(allowed)].filter((code) => !met.has(code))
  return [
    ...surprises,
    ...idle.map(
      (code) =>
        `--allow-skip ${code}: no case of this run was skipped with it; without it a later one would be noticed`,
    ),
  ]
}

function byCode(cases: readonly CaseRecord[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { verdict, reason } of cases) {
    if (verdict !== 'skip' || reason === undefined) continue
    counts.set(reason.code, (counts.get(reason.code) ?? 0) + 1)
  }
  return counts
}
