import { ProbarError } from '../base/errors.ts'
import { ruleOf } from '../spec/clauses.ts'
import { type Case, suiteOf } from './case.ts'

export interface Selection {
  readonly suites?: readonly string[]
  /** A compound rule stands for all its clauses. */
  readonly rules?: readonly string[]
  /** Patterns over case ids; `*` stands for any characters. */
  readonly globs?: readonly string[]
  /** Part `index` of `count`, from 1: every case is in exactly one part. */
  readonly shard?: { readonly index: number; readonly count: number }
}

/**
 * The cases that every given kind of filter lets through, in their order.
 * @throws ProbarError usage when a name matches no case: a typing error must not look like an empty run
 */
export function selectCases(cases: readonly Case[], selection: Selection): readonly Case[] {
  const { suites = [], rules = [], globs = [], shard } = selection
  const filters = [
    matcher(suites, 'suite', cases, (one, suite) => suiteOf(one) === suite),
    matcher(rules, 'rule', cases, (one, rule) => one.rules.some((id) => id === rule || ruleOf(id) === rule)),
    matcher(globs, 'case', cases, (one, glob) => globToRegExp(glob).test(one.id)),
  ]
  const chosen = cases.filter((one) => filters.every((lets) => lets(one)))
  return shard === undefined ? chosen : chosen.filter((_, i) => i % shard.count === shard.index - 1)
}

function matcher(
  names: readonly string[],
  kind: string,
  cases: readonly Case[],
  matches: (one: Case, name: string) => boolean,
): (one: Case) => boolean {
  const unknown = names.find((name) => !cases.some((one) => matches(one, name)))
  if (unknown !== undefined) {
    throw new ProbarError('usage', `no case matches --${kind} ${unknown}; 'probar run --list' shows all cases`)
  }
  return (one) => names.length === 0 || names.some((name) => matches(one, name))
}

function globToRegExp(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`)
}
