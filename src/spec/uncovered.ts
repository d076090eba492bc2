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
    z.string().regex(/^[A-Z]{3}-\d{3}$/),
    z.strictObject({ reason: z.enum(given), why: z.string().endsWith('.') }).readonly(),
  )
  .readonly()
/** By rule id: the reason, and a sentence that says why it holds for this rule. */
export type Uncovered = z.infer<typeof uncoveredSchema>

const file = new URL('../../spec/uncovered.json', import.meta.url)
let loaded: Uncovered | undefined

/** Read and checked once, when it is first asked for. */
export function loadUncovered(): Uncovered {
  loaded ??= uncoveredSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return loaded
}

/**
 * A reason is for a core rule of the catalogue that no case proves.
 * @throws ProbarError internal for any other
 */
export function checkUncovered(
  uncovered: Uncovered,
  rules: readonly { readonly id: string; readonly core: boolean; readonly cases: readonly string[] }[],
): void {
  const rows = new Map(rules.map((row) => [row.id, row]))
  for (const [id, { reason }] of Object.entries(uncovered)) {
    const row = rows.get(id)
    const wrong =
      row === undefined
        ? 'spec/rules.json does not have it'
        : !row.core
          ? 'it is a supporting rule, which is reason enough'
          : row.cases.length > 0
            ? `it has a case, ${row.cases[0]}: take the reason away`
            : undefined
    if (wrong !== undefined) {
      throw new ProbarError('internal', `spec/uncovered.json gives ${id} the reason ${reason}, but ${wrong}`)
    }
  }
}
