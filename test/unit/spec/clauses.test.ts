import { expect, it } from '@jest/globals'
import { rule } from '../../../src/spec/catalogue.ts'
import { declarable, loadClauses, ruleOf } from '../../../src/spec/clauses.ts'

const codesIn = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/\b0x[0-9A-F]+\b/g)].map(([code]) => code))
/** The bug checks themselves, which the rules' texts name beside the codes. */
const bugChecks = new Set(['0xC4', '0xE6'])

it.each(Object.entries(loadClauses()))('the clauses of %s are the codes that its text names', (id, clauses) => {
  const named = [...codesIn(rule(id).text)].filter((code) => !bugChecks.has(code))
  const codes = new Set(Object.keys(clauses).map((code) => code.split('/', 1)[0]))
  expect(codes).toEqual(new Set(named))
})

it('are parts of core rules', () => {
  for (const id of Object.keys(loadClauses())) expect(rule(id).core).toBe(true)
})

it('are declared by rule and code, a rule without any by itself', () => {
  expect(declarable('VER-008')).toEqual(['VER-008/0x18', 'VER-008/0x19', 'VER-008/0x25', 'VER-008/0x1E'])
  expect(declarable('VER-001')).toEqual(['VER-001'])
  expect(['VER-004/0x0F/1', 'VER-001'].map(ruleOf)).toEqual(['VER-004', 'VER-001'])
})
