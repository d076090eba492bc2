import type { CaseRecord } from '../record/schema.ts'
import { loadCatalogue, type Rule } from './catalogue.ts'

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
