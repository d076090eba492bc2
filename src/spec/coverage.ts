import { ProbarError } from '../base/errors.ts'
import type { CaseRecord } from '../record/schema.ts'
import { loadCatalogue, type Mark, type Rule } from './catalogue.ts'

/** A rule and the cases that declare it. */
export interface RuleRow {
  readonly id: string
  readonly marks: readonly Mark[]
  readonly core: boolean
  readonly text: string
  /** Ids of cases, in their own order; empty when none proves the rule. */
  readonly cases: readonly string[]
}

interface Declaring {
  readonly id: string
  readonly rules: readonly string[]
}

/**
 * Every rule of the catalogue, in its order.
 * @throws ProbarError internal when a case declares a rule that the catalogue does not have
 */
export function rulesTable(cases: readonly Declaring[]): readonly RuleRow[] {
  const { rules } = loadCatalogue()
  const declared = casesByRule(cases, new Set(rules.map(({ id }) => id)))
  return rules.map(({ id, marks, core, text }) => ({ id, marks, core, text, cases: declared.get(id) ?? [] }))
}

function casesByRule(cases: readonly Declaring[], known: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const byRule = new Map<string, string[]>()
  for (const { id, rules } of cases) {
    for (const ruleId of rules) {
      if (!known.has(ruleId)) {
        throw new ProbarError('internal', `the case ${id} declares ${ruleId}, which spec/rules.json does not have`)
      }
      byRule.set(ruleId, [...(byRule.get(ruleId) ?? []), id])
    }
  }
  return byRule
}

/** What a run says about the rules that its cases declare. Each rule is in one of the three. */
export interface ProvenRules {
  /** A case passed, none was broken, and a rule marked H had an outside witness. */
  readonly proven: readonly string[]
  /** A case failed or passed against expectation. */
  readonly broken: readonly string[]
  /** Everything else: skipped, in error, a known issue, or marked H and witnessed by a model only. */
  readonly open: readonly string[]
}

/** Ids that the catalogue does not have (a record of a later Probar) are never proven: their marks are unknown. */
export function provenRules(cases: readonly Pick<CaseRecord, 'rules' | 'verdict' | 'witness'>[]): ProvenRules {
  const catalogue = new Map(loadCatalogue().rules.map((rule) => [rule.id, rule]))
  const ids = [...new Set(cases.flatMap(({ rules }) => rules))].toSorted()
  const standing = ids.map((id) => ({
    id,
    is: standingOf(
      catalogue.get(id),
      cases.filter(({ rules }) => rules.includes(id)),
    ),
  }))
  const those = (wanted: keyof ProvenRules) => standing.filter(({ is }) => is === wanted).map(({ id }) => id)
  return { proven: those('proven'), broken: those('broken'), open: those('open') }
}

function standingOf(
  rule: Rule | undefined,
  cases: readonly Pick<CaseRecord, 'verdict' | 'witness'>[],
): keyof ProvenRules {
  if (cases.some(({ verdict }) => verdict === 'fail' || verdict === 'xpass')) return 'broken'
  if (rule === undefined || cases.some(({ verdict }) => verdict === 'xfail')) return 'open'
  const outside = rule.marks.includes('H')
  const proves = cases.some(({ verdict, witness }) => verdict === 'pass' && !(outside && witness === 'model'))
  return proves ? 'proven' : 'open'
}
