import type { CaseRecord } from '../record/schema.ts'
import { loadCatalogue, type Rule } from './catalogue.ts'
import { declarable, ruleOf } from './clauses.ts'
import { loadUncovered, type Uncovered } from './uncovered.ts'

/** What a run says about the rules that its cases declare. Each rule is in one of the three. */
export interface ProvenRules {
  /** Of the rule, or of each clause: a case passed, none was broken, and where it is marked H an outside witness saw it. */
  readonly proven: readonly string[]
  /** A case failed or passed against expectation. */
  readonly broken: readonly string[]
  /** Everything else: skipped, in error, a known issue, marked H and witnessed by a model only, or clauses left. */
  readonly open: readonly string[]
}

export type Standing = keyof ProvenRules

type Judged = Pick<CaseRecord, 'verdict' | 'witness'>

/**
 * Clauses of a compound rule that have a reason instead of a case do not keep it from being proven.
 * Ids that the catalogue does not have (a record of another Probar) are never proven: their marks are unknown.
 */
export function provenRules(
  cases: readonly (Judged & Pick<CaseRecord, 'rules'>)[],
  uncovered: Uncovered = loadUncovered(),
): ProvenRules {
  const catalogue = new Map(loadCatalogue().rules.map((rule) => [rule.id, rule]))
  const ids = [...new Set(cases.flatMap(({ rules }) => rules.map(ruleOf)))].toSorted()
  const declaring = (declared: string) => cases.filter(({ rules }) => rules.includes(declared))
  const standing = ids.map((id) => ({ id, is: standingOf(id, catalogue.get(id), declaring, uncovered) }))
  const those = (wanted: Standing) => standing.filter(({ is }) => is === wanted).map(({ id }) => id)
  return { proven: those('proven'), broken: those('broken'), open: those('open') }
}

function standingOf(
  id: string,
  rule: Rule | undefined,
  declaring: (declared: string) => readonly Judged[],
  uncovered: Uncovered,
): Standing {
  const clauses = declarable(id)
  const parts = clauses.map((part) => ({ part, is: standingOfPart(rule, declaring(part)) }))
  // A record from before a rule had clauses declares it whole: it shows a break, and proves nothing.
  const whole = clauses.includes(id) ? 'open' : standingOfPart(rule, declaring(id))
  return joinedStanding([
    ...(whole === 'broken' ? [whole] : []),
    ...parts.filter(({ part, is }) => is !== 'open' || uncovered[part] === undefined).map(({ is }) => is),
  ])
}

/** Of a compound rule, by what its clauses came to; those that have a reason instead of a case are left out. */
export function joinedStanding(parts: readonly Standing[]): Standing {
  if (parts.includes('broken')) return 'broken'
  return parts.length > 0 && parts.every((is) => is === 'proven') ? 'proven' : 'open'
}

/** Of one rule without clauses, or of one clause, by the cases that declare it. */
export function standingOfPart(rule: Pick<Rule, 'marks'> | undefined, cases: readonly Judged[]): Standing {
  if (cases.some(({ verdict }) => verdict === 'fail' || verdict === 'xpass')) return 'broken'
  if (rule === undefined || cases.some(({ verdict }) => verdict === 'xfail')) return 'open'
  return cases.some((one) => proves(rule, one)) ? 'proven' : 'open'
}

/** A pass, and of a rule marked H one that the operating system or a device witnessed. */
export function proves({ marks }: Pick<Rule, 'marks'>, { verdict, witness }: Judged): boolean {
  return verdict === 'pass' && !(marks.includes('H') && witness === 'model')
}
