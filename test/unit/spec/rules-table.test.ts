import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { loadCatalogue } from '../../../src/spec/catalogue.ts'
import { rulesTable } from '../../../src/spec/rules-table.ts'
import { loadUncovered, uncoveredSchema } from '../../../src/spec/uncovered.ts'
import { allCases } from '../../../src/suite/all-cases.ts'

const { rules } = loadCatalogue()
const needsOutside = rules.find(({ marks }) => marks.includes('H'))?.id ?? ''
const needsNothing = rules.find(({ marks }) => !marks.includes('H'))?.id ?? ''
const supporting = rules.find(({ core }) => !core)?.id ?? ''

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

  it('refuses a case that declares a rule which does not exist', () => {
    try {
      rulesTable([{ id: 'mdl/odd', rules: ['MDL-999'] }])
    } catch (error) {
      expect(codeOf(error)).toBe('internal')
      expect(String(error)).toContain('mdl/odd declares MDL-999')
      return
    }
    throw new Error('nothing was thrown')
  })
})

describe('a reason why a rule has no case', () => {
  const why = 'It is only a test.'
  const given = { [needsNothing]: { reason: 'windows-only', why } } as const
  const thrown = (act: () => unknown): unknown => {
    try {
      act()
    } catch (error) {
      return error
    }
    return undefined
  }

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
    ['a rule that does not exist', 'MDL-999', [], 'spec/rules.json does not have it'],
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

  it('of the project fits the cases that there are', () => {
    const rows = rulesTable(allCases)
    for (const [id, { reason }] of Object.entries(loadUncovered())) {
      expect(rows.find((row) => row.id === id)?.reason).toBe(reason)
    }
  })
})
