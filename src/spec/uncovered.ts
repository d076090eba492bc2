import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ProbarError } from '../base/errors.ts'

/** Why a rule has no case, as spec/uncovered.json may say it of a core rule. */
const given = ['windows-only', 'not-falsifiable-here'] as const

/** Every reason there is. `supporting` is never written down: it follows from the rule's `core`. */
export const reasons = [...given, 'supporting'] as const
export type UncoveredReason = (typeof reasons)[number]

/** Exported for the test that nothing else is let in. */
export const uncoveredSchema = z
  .record(
    z.string().regex(/^[A-Z]{3}-\d{3}(?:\/[\dA-Fx/]+)?$/),
    z.strictObject({ reason: z.enum(given), why: z.string().endsWith('.') }).readonly(),
  )
  .readonly()
/** By the id of a rule or of a clause: the reason, and a sentence that says why it holds for this one. */
export type Uncovered = z.infer<typeof uncoveredSchema>

const file = new URL('../../spec/uncovered.json', import.meta.url)
let loaded: Uncovered | undefined

/** Read and checked once, when it is first asked for. */
export function loadUncovered(): Uncovered {
  loaded ??= uncoveredSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return loaded
}

interface Answered {
  readonly id: string
  readonly core: boolean
  readonly cases: readonly string[]
}

/**
 * A reason is for a core rule of the catalogue, or a clause of one, that no case proves.
 * @param answered rules, and clauses beside them, with their cases
 * @throws ProbarError internal for any other
 */
export function checkUncovered(uncovered: Uncovered, answered: readonly Answered[]): void {
  const rows = new Map(answered.map((row) => [row.id, row]))
  for (const [id, { reason }] of Object.entries(uncovered)) {
    const wrong = whyNot(rows.get(id))
    if (wrong !== undefined) {
      throw new ProbarError('internal', `spec/uncovered.json gives ${id} the reason ${reason}, but ${wrong}`)
    }
  }
}

function whyNot(row: Answered | undefined): string | undefined {
  if (row === undefined) return 'the catalogue does not have it'
  if (!row.core) return 'it is a supporting rule, which is reason enough'
  const [first] = row.cases
  return first === undefined ? undefined : `it has a case, ${first}: take the reason away`
}
