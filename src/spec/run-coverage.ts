import type { CaseRecord, RunRecord, Verdict, Witness } from '../record/schema.ts'
import type { Rule } from './catalogue.ts'
import { joinedStanding, proves, type Standing, standingOfPart } from './coverage.ts'
import type { ClauseRow, RuleRow } from './rules-table.ts'
import { reasons, type UncoveredReason } from './uncovered.ts'

/** What came of a case that declares the rule, in one run. */
export interface Sighting {
  readonly case: string
  readonly verdict: Verdict
  readonly witness: Witness
  /** It passed and, for a rule marked H, the operating system or a device stood behind it. */
  readonly proves: boolean
  readonly backend: string
  /** How the device was named, for example vfio:0000:01:00.0. */
  readonly device: string
  /** Id of the run's record. */
  readonly run: string
}

/** A reason is the standing of what has no case and was not seen either. */
export type Covered = Standing | UncoveredReason
export const standings: readonly Covered[] = ['proven', 'broken', 'open', ...reasons]

interface Seen {
  readonly standing: Covered
  readonly seen: readonly Sighting[]
}
export type CoveredClause = ClauseRow & Seen
export interface CoveredRule extends Omit<RuleRow, 'clauses'>, Seen {
  readonly clauses?: readonly CoveredClause[]
}

export type Counts = Readonly<Record<Covered, number>>
export interface RunCoverage {
  readonly rules: readonly CoveredRule[]
  readonly counts: Counts
  /** Of the clauses of compound rules, which are in `counts` once a rule. */
  readonly clauseCounts: Counts
  /** What the records declare and the table does not have: they are of another Probar. */
  readonly unknown: readonly string[]
}

/** What several runs together say of each rule of the table. What a record declares counts, not what its case declares now. */
export function coverageOf(
  table: readonly RuleRow[],
  runs: readonly Pick<RunRecord, 'id' | 'backend' | 'device' | 'cases'>[],
): RunCoverage {
  const sightings = sightingsBy(runs)
  const rules = table.map((row) => coveredRule(row, sightings))
  const clauses = rules.flatMap((row) => row.clauses ?? [])
  const known = new Set([...rules, ...clauses].map(({ id }) => id))
  const declared = new Set(runs.flatMap(({ cases }) => cases.flatMap((one) => one.rules)))
  const unknown = [...declared].filter((id) => !known.has(id)).toSorted((a, b) => a.localeCompare(b, 'en'))
  return { rules, counts: countsOf(rules), clauseCounts: countsOf(clauses), unknown }
}

function coveredRule({ clauses, ...row }: RuleRow, sightings: SightingsBy): CoveredRule {
  const whole = sightings(row, row.id)
  if (clauses === undefined) return { ...row, standing: standing(row, row, whole), seen: whole }
  const parts = clauses.map((clause) => {
    const seen = sightings(row, clause.id)
    return { ...clause, standing: standing(row, clause, seen), seen }
  })
  // A record from before the rule had clauses declares it whole: it shows a break, and proves nothing.
  const shown = whole.map((one) => ({ ...one, proves: false }))
  const broken = standingOfPart(row, whole) === 'broken'
  return { ...row, standing: broken ? 'broken' : compound(parts), seen: shown, clauses: parts }
}

function standing(rule: Pick<Rule, 'marks'>, { reason }: Pick<RuleRow, 'reason'>, seen: readonly Sighting[]): Covered {
  const is = standingOfPart(rule, seen)
  return is === 'open' && reason !== undefined ? reason : is
}

/** Clauses with a reason do not keep the rule from being proven; a rule of nothing else has the first one's reason. */
function compound(parts: readonly CoveredClause[]): Covered {
  const answered = parts.filter((part) => !isReason(part.standing))
  const [first] = parts
  if (answered.length === 0 && first !== undefined) return first.standing
  return joinedStanding(answered.map((part) => (isReason(part.standing) ? 'open' : part.standing)))
}

export const isReason = (of: Covered): of is UncoveredReason => (reasons as readonly string[]).includes(of)

type SightingsBy = (rule: Pick<Rule, 'marks'>, declared: string) => readonly Sighting[]

function sightingsBy(runs: Parameters<typeof coverageOf>[1]): SightingsBy {
  const by = new Map<string, { readonly one: CaseRecord; readonly run: (typeof runs)[number] }[]>()
  for (const run of runs) {
    for (const one of run.cases) {
      for (const declared of new Set(one.rules)) by.set(declared, [...(by.get(declared) ?? []), { one, run }])
    }
  }
  return (rule, declared) =>
    (by.get(declared) ?? []).map(({ one, run }) => ({
      case: one.id,
      verdict: one.verdict,
      witness: one.witness,
      proves: proves(rule, one),
      backend: run.backend,
      device: run.device.ref,
      run: run.id,
    }))
}

function countsOf(rows: readonly Pick<Seen, 'standing'>[]): Counts {
  const counted = standings.map((one) => [one, rows.filter((row) => row.standing === one).length])
  return Object.fromEntries(counted) as Counts
}
