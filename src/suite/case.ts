import type { Context } from './context.ts'
import type { Need } from './needs.ts'

/** One thing to prove. */
export interface Case {
  /** `suite/behaviour`, stable: records and reports name cases by it. */
  readonly id: string
  /** What holds when it passes. */
  readonly title: string
  /** The rules that it proves; of a compound rule the clauses, as VER-012/0xB4. */
  readonly rules: readonly string[]
  /** Without one of these it is skipped, with the need's code. */
  readonly needs?: readonly Need[]
  readonly run: (context: Context) => void | Promise<void>
}

/** The part of a case's id before the slash. */
export const suiteOf = ({ id }: Pick<Case, 'id'>): string => id.slice(0, id.indexOf('/'))

/** Checks the ids when the module is loaded: a family's file holds its own cases only, each id once. */
export function defineSuite(name: string, cases: readonly Case[]): readonly Case[] {
  const seen = new Set<string>()
  for (const one of cases) {
    if (suiteOf(one) !== name || seen.has(one.id)) throw new RangeError(`${one.id} is no new case of the suite ${name}`)
    seen.add(one.id)
  }
  return cases
}
