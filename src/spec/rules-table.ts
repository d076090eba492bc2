import { ProbarError } from '../base/errors.ts'
import { loadCatalogue, type Mark } from './catalogue.ts'
import { checkUncovered, loadUncovered, type Uncovered, type UncoveredReason } from './uncovered.ts'

/** A rule and the cases that declare it. */
export interface RuleRow {
  readonly id: string
  readonly marks: readonly Mark[]
  readonly core: boolean
  readonly text: string
  /** Ids of cases, in their own order; empty when none proves the rule. */
  readonly cases: readonly string[]
  /** Why there is no case, if that is known; a rule with neither is open. */
  readonly reason?: UncoveredReason
}

interface Declaring {
  readonly id: string
  readonly rules: readonly string[]
}

/**
 * Every rule of the catalogue, in its order.
 * @throws ProbarError internal when a case declares a rule that the catalogue does not have, or when a reason is given
 * for a rule that has a case, is not core, or does not exist
 */
export function rulesTable(
  cases: readonly Declaring[],
  uncovered: Uncovered = loadUncovered(),
): readonly RuleRow[] {
  const { rules } = loadCatalogue()
  const declared = casesByRule(cases, new Set(rules.map(({ id }) => id)))
  const rows = rules.map(({ id, marks, core, text }) => ({ id, marks, core, text, cases: declared.get(id) ?? [] }))
  checkUncovered(uncovered, rows)
  return rows.map((row) => withReason(row, uncovered))
}

function withReason(row: RuleRow, uncovered: Uncovered): RuleRow {
  const reason = uncovered[row.id]?.reason ?? (row.core || row.cases.length > 0 ? undefined : 'supporting')
  return reason === undefined ? row : { ...row, reason }
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
