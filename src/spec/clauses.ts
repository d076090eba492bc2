import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ProbarError } from '../base/errors.ts'
import { rule } from './catalogue.ts'

const CODE = /^0x[0-9A-F]{2,4}(?:\/\d)?$/

const clausesSchema = z
  .record(
    z.string().regex(/^[A-Z]{3}-\d{3}$/),
    z.record(z.string().regex(CODE), z.string().min(1)).readonly(),
  )
  .readonly()
/** Of each compound rule, what it says of each code: `{ 'VER-012': { '0xB4': 'unlock of a partial MDL' } }`. */
export type Clauses = z.infer<typeof clausesSchema>

const file = new URL('../../spec/clauses.json', import.meta.url)
let loaded: Clauses | undefined

/** Read and checked once, when it is first asked for. */
export function loadClauses(): Clauses {
  loaded ??= clausesSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return loaded
}

/** What a case declares: a rule, or one clause of a compound rule, as `VER-012/0xB4`. */
export const clauseId = (rule: string, code: string): string => `${rule}/${code}`

/** The rule of which something is declared: VER-012 for VER-012/0xB4, and for VER-012. */
export const ruleOf = (declared: string): string => declared.split('/', 1)[0] ?? declared

/**
 * The rule that somebody asks for, by its id or that of a clause, in any case of letters.
 * @throws ProbarError usage for a clause that the rule does not have
 */
export function askedRule(asked: string, clauses: Clauses = loadClauses()): string {
  const id = ruleOf(asked).toUpperCase()
  if (id.length === asked.length) return id
  const code = asked.slice(id.length + 1)
  const codes = Object.keys(clauses[rule(id).id] ?? {})
  if (codes.some((one) => one.toUpperCase() === code.toUpperCase())) return id
  const has = codes.length === 0 ? 'none' : codes.join(', ')
  throw new ProbarError('usage', `${id} has no clause ${code}: it has ${has}`)
}

/** Everything that a case may declare of the rule: its clauses, or the rule itself where it has none. */
export function declarable(rule: string, clauses: Clauses = loadClauses()): readonly string[] {
  const codes = clauses[rule]
  return codes === undefined ? [rule] : Object.keys(codes).map((code) => clauseId(rule, code))
}
