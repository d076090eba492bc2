import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { loadCatalogue } from '../../../src/spec/catalogue.ts'
import { ruleOf } from '../../../src/spec/clauses.ts'
import { openParts, rulesTable } from '../../../src/spec/rules-table.ts'
import { loadUncovered, uncoveredSchema } from '../../../src/spec/uncovered.ts'
import { allCases } from '../../../src/suite/all-cases.ts'

const { rules } = loadCatalogue()
const needsOutside = rules.find(({ marks }) => marks.includes('H'))?.id ?? ''
const needsNothing = rules.find(({ marks }) => !marks.includes('H'))?.id ?? ''
const supporting = rules.find(({ core }) => !core)?.id ?? ''

const thrown = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('the table of rules', () => {
  it('has every rule of the catalogue, in its order, though no case proves it', () => {
    const table = rulesTable([])
    expect(table.map(({ id }) => id)).toEqual(rules.map(({ id }) => id))
    expect(table.every(({ cases }) => cases.length === 0)).toBe(true)
  })

  it('names the cases of a rule', () => {
    const table = rulesTable([
      { id: 'a', rules: [needsNothing] },
      { id: 'b', rules: [needsOutside, needsNothing] },
    ])
    expect(table.find(({ id }) => id === needsNothing)?.cases).toEqual(['a', 'b'])
    expect(table.find(({ id }) => id === needsOutside)?.cases).toEqual(['b'])
  })

  it.each([
    ['MDL-999', 'which spec/rules.json does not have'],
    ['VER-012', 'which is a compound rule: name what it proves, of VER-012/0xB0, '],
    ['VER-012/0xFF', 'which spec/clauses.json does not have: name what it proves, of VER-012/0xB0, '],
    ['MDL-001/0xB0', 'which spec/clauses.json does not have: name what it proves, of MDL-001'],
  ])('refuses a case that declares %s', (declared, text) => {
    const error = thrown(() => rulesTable([{ id: 'mdl/odd', rules: [declared] }]))
    expect(codeOf(error)).toBe('internal')
    expect(String(error)).toContain(`mdl/odd declares ${declared}, ${text}`)
  })
})

describe('a compound rule', () => {
  const row = (cases: Parameters<typeof rulesTable>[0], uncovered: Parameters<typeof rulesTable>[1] = {}) =>
    rulesTable(cases, uncovered).find(({ id }) => id === 'VER-002')
  const why = 'It is only a test.'

  it('has the cases of its clauses, each once', () => {
    const found = row([
      { id: 'a', rules: ['VER-002/0x03', 'VER-002/0x06'] },
      { id: 'b', rules: ['VER-002/0x06'] },
    ])
    expect(found?.cases).toEqual(['a', 'b'])
    expect(found?.clauses?.map(({ id, cases }) => [id, cases])).toEqual([
      ['VER-002/0x03', ['a']],
      ['VER-002/0x04', []],
      ['VER-002/0x05', []],
      ['VER-002/0x06', ['a', 'b']],
    ])
  })

  it('is open in the clauses that have neither case nor reason', () => {
    const found = row([{ id: 'a', rules: ['VER-002/0x03'] }], { 'VER-002/0x04': { reason: 'windows-only', why } })
    expect(found === undefined ? [] : openParts(found)).toEqual(['VER-002/0x05', 'VER-002/0x06'])
    expect(found?.reason).toBeUndefined()
  })

  it('gives its reason to all its clauses', () => {
    const found = row([], { 'VER-002': { reason: 'windows-only', why } })
    expect(found?.reason).toBe('windows-only')
    expect(found === undefined ? [''] : openParts(found)).toEqual([])
  })
})

describe('a reason why a rule has no case', () => {
  const why = 'It is only a test.'
  const given = { [needsNothing]: { reason: 'windows-only', why } } as const
  it('stands in the row of its rule', () => {
    const row = rulesTable([], given).find(({ id }) => id === needsNothing)
    expect(row?.reason).toBe('windows-only')
  })

  it('is `supporting` of every supporting rule without a case, and of no other', () => {
    const rows = rulesTable([{ id: 'a', rules: [supporting] }], {})
    const said = rows.filter(({ reason }) => reason === 'supporting').map(({ id }) => id)
    expect(said).toEqual(rules.filter(({ id, core }) => !core && id !== supporting).map(({ id }) => id))
    expect(said.length).toBeGreaterThan(10)
  })

  it.each([
    ['a rule that has a case', needsNothing, [{ id: 'a', rules: [needsNothing] }], 'it has a case, a'],
    ['a supporting rule', supporting, [], 'it is a supporting rule'],
    ['a rule that does not exist', 'MDL-999', [], 'the catalogue does not have it'],
    ['a clause that does not exist', 'VER-012/0xFF', [], 'the catalogue does not have it'],
    ['a clause that has a case', 'VER-012/0xB4', [{ id: 'a', rules: ['VER-012/0xB4'] }], 'it has a case, a'],
    ['a compound rule of which a clause has a case', 'VER-012', [{ id: 'a', rules: ['VER-012/0xB4'] }], 'it has a case, a'],
  ])('is refused for %s', (_, id, cases, text) => {
    const error = thrown(() => rulesTable(cases, { [id]: { reason: 'windows-only', why } }))
    expect(codeOf(error)).toBe('internal')
    expect(String(error)).toContain(text)
  })

  it.each([
    ['a reason that is not on the list', { 'MDL-001': { reason: 'no-time', why } }],
    ['a reason that follows from the catalogue', { 'MDL-001': { reason: 'supporting', why } }],
    ['no sentence', { 'MDL-001': { reason: 'windows-only', why: '' } }],
    ['an id of another form', { 'mdl-1': { reason: 'windows-only', why } }],
  ])('cannot be written with %s', (_, written) => {
    expect(uncoveredSchema.safeParse(written).success).toBe(false)
  })

  it.each(['uncovered.json', 'clauses.json'])('stands in %s once for each rule: JSON would drop the first', (name) => {
    const text = readFileSync(new URL(`../../../spec/${name}`, import.meta.url), 'utf8')
    const ids = [...text.matchAll(/"([A-Z]{3}-\d{3}[^"]*)":/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBe(Object.keys(JSON.parse(text) as object).length)
  })

  it('of the project fits the cases that there are', () => {
    const rows = rulesTable(allCases)
    for (const [id, { reason }] of Object.entries(loadUncovered())) {
      const row = rows.find((one) => one.id === ruleOf(id))
      expect([row, ...(row?.clauses ?? [])].find((part) => part?.id === id)?.reason).toBe(reason)
    }
  })
})
