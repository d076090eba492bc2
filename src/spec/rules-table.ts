import { ProbarError } from '../base/errors.ts'
import { loadCatalogue, type Mark, type Rule } from './catalogue.ts'
import { clauseId, declarable, loadClauses, ruleOf } from './clauses.ts'
import { checkUncovered, loadUncovered, type Uncovered, type UncoveredReason } from './uncovered.ts'

/** The cases that declare something, or why there are none. */
export interface Proofs {
  /** Ids of cases, in their own order; empty when none proves it. */
  readonly cases: readonly string[]
  /** Why there is no case, if that is known; what has neither is open. */
  readonly reason?: UncoveredReason
}

/** One clause of a compound rule. */
export interface ClauseRow extends Proofs {
  /** As cases declare it: VER-012/0xB4. */
  readonly id: string
  readonly text: string
}

/** A rule and the cases that declare it; of a compound rule, those that declare any of its clauses. */
export interface RuleRow extends Proofs {
  readonly id: string
  readonly marks: readonly Mark[]
  readonly core: boolean
  readonly text: string
  /** Of compound rules only. The rule has a reason itself when all of them have the same. */
  readonly clauses?: readonly ClauseRow[]
}

interface Declaring {
  readonly id: string
  readonly rules: readonly string[]
}

/**
 * Every rule of the catalogue, in its order.
 * @throws ProbarError internal when a case declares a rule or a clause that the catalogue does not have, or a compound
 * rule as a whole; or when a reason is given for what has a case, is not core, or does not exist
 */
export function rulesTable(cases: readonly Declaring[], uncovered: Uncovered = loadUncovered()): readonly RuleRow[] {
  const { rules } = loadCatalogue()
  const declared = casesByDeclaration(cases, rules)
  const rows = rules.map((rule) => rowOf(rule, declared, uncovered))
  checkUncovered(
    uncovered,
    rows.flatMap(({ clauses = [], ...row }) => [row, ...clauses.map((clause) => ({ ...clause, core: row.core }))]),
  )
  return rows
}

/** What has neither a case nor a reason: the rule, or those of its clauses. */
export function openParts({ id, cases, reason, clauses }: RuleRow): readonly string[] {
  const parts = clauses ?? [{ id, cases, ...(reason === undefined ? {} : { reason }) }]
  return parts.filter((part) => part.cases.length === 0 && part.reason === undefined).map((part) => part.id)
}

type CasesBy = ReadonlyMap<string, readonly string[]>

function rowOf({ id, marks, core, text }: Rule, declared: CasesBy, uncovered: Uncovered): RuleRow {
  const codes = loadClauses()[id]
  const row = { id, marks, core, text }
  const whole = uncovered[id]?.reason ?? (core ? undefined : 'supporting')
  if (codes === undefined) return { ...row, ...proofs(declared.get(id) ?? [], whole) }
  const clauses = Object.entries(codes).map(([code, clause]) => {
    const of = clauseId(id, code)
    return { id: of, text: clause, ...proofs(declared.get(of) ?? [], uncovered[of]?.reason ?? whole) }
  })
  const cases = [...new Set(clauses.flatMap((clause) => clause.cases))]
  const [reason, ...others] = new Set(clauses.map((clause) => clause.reason))
  return { ...row, ...proofs(cases, others.length === 0 ? reason : undefined), clauses }
}

function proofs(cases: readonly string[], reason: UncoveredReason | undefined): Proofs {
  return reason === undefined || cases.length > 0 ? { cases } : { cases, reason }
}

function casesByDeclaration(cases: readonly Declaring[], rules: readonly Rule[]): CasesBy {
  const known = new Map(rules.map(({ id }) => [id, declarable(id)]))
  const by = new Map<string, string[]>()
  for (const { id, rules: all } of cases) {
    for (const declared of all) {
      const may = known.get(ruleOf(declared))
      if (may?.includes(declared) !== true) {
        throw new ProbarError('internal', `the case ${id} declares ${declared}, ${advice(declared, may)}`)
      }
      by.set(declared, [...(by.get(declared) ?? []), id])
    }
  }
  return by
}

function advice(declared: string, may: readonly string[] | undefined): string {
  if (may === undefined) return 'which spec/rules.json does not have'
  const what = ruleOf(declared) === declared ? 'which is a compound rule' : 'which spec/clauses.json does not have'
  return `${what}: name what it proves, of ${may.join(', ')}`
}
