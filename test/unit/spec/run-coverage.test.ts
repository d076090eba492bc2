import { describe, expect, it } from '@jest/globals'
import type { CaseRecord } from '../../../src/record/schema.ts'
import { loadCatalogue } from '../../../src/spec/catalogue.ts'
import { rulesTable } from '../../../src/spec/rules-table.ts'
import { coverageOf, standings } from '../../../src/spec/run-coverage.ts'
import type { Uncovered } from '../../../src/spec/uncovered.ts'
import { exampleCase, exampleRecord } from '../record/example.ts'

const { rules } = loadCatalogue()
const needsOutside = rules.find(({ marks, core }) => core && marks.includes('H'))?.id ?? ''
const needsNothing = rules.find(({ marks, core }) => core && !marks.includes('H'))?.id ?? ''
const why = 'It is only a test.'

const run = (id: string, cases: readonly CaseRecord[], backend = 'loopback') => exampleRecord(cases, { id, backend })
const one = (rule: string, changes: Partial<CaseRecord> = {}) => exampleCase({ id: 'a', rules: [rule], ...changes })
const covered = (id: string, runs: Parameters<typeof coverageOf>[1], uncovered: Uncovered = {}) =>
  coverageOf(rulesTable([], uncovered), runs).rules.find((row) => row.id === id)

describe('a rule, over several runs', () => {
  it('tells each run in which a case declared it, and which of them proved it', () => {
    const runs = [
      run('first', [one(needsOutside, { witness: 'model' })]),
      run('second', [one(needsOutside, { witness: 'device' })], 'vfio'),
    ]
    const row = covered(needsOutside, runs)
    expect(row?.standing).toBe('proven')
    expect(row?.seen).toEqual([
      { case: 'a', verdict: 'pass', witness: 'model', proves: false, backend: 'loopback', device: runs[0]?.device.ref, run: 'first' },
      { case: 'a', verdict: 'pass', witness: 'device', proves: true, backend: 'vfio', device: runs[1]?.device.ref, run: 'second' },
    ])
  })

  it.each([
    ['open when only a model saw what is marked H', needsOutside, [{ witness: 'model' }], 'open'],
    ['proven by a model when it is not marked H', needsNothing, [{ witness: 'model' }], 'proven'],
    ['broken by one run, though another passed', needsNothing, [{}, { verdict: 'fail' }], 'broken'],
    ['proven though it was skipped elsewhere', needsNothing, [{ verdict: 'skip' }, {}], 'proven'],
    ['open when every run skipped it', needsNothing, [{ verdict: 'skip' }], 'open'],
    ['open when no run has it', needsNothing, [], 'open'],
  ] as const)('is %s', (_, id, changes, standing) => {
    const runs = changes.map((change, at) => run(`${at}`, [one(id, change)]))
    expect(covered(id, runs)?.standing).toBe(standing)
  })

  it('has its reason for a standing until a case shows otherwise', () => {
    const uncovered = { [needsNothing]: { reason: 'not-falsifiable-here', why } } as const
    expect(covered(needsNothing, [], uncovered)?.standing).toBe('not-falsifiable-here')
    expect(covered(needsNothing, [run('r', [one(needsNothing, { verdict: 'fail' })])], uncovered)?.standing).toBe('broken')
  })

  it('that is compound is what its clauses come to', () => {
    const uncovered = {
      'VER-003/0x09': { reason: 'windows-only', why },
      'VER-003/0x0A': { reason: 'windows-only', why },
    } as const
    const first = run('first', [one('VER-003/0x07')])
    const second = run('second', [one('VER-003/0x08')])
    expect(covered('VER-003', [first], uncovered)?.standing).toBe('open')
    const row = covered('VER-003', [first, second], uncovered)
    expect(row?.standing).toBe('proven')
    expect(row?.clauses?.map(({ standing }) => standing)).toEqual(['proven', 'proven', 'windows-only', 'windows-only'])
    expect(covered('VER-003', [first, second, run('third', [one('VER-003', { verdict: 'fail' })])])?.standing).toBe('broken')
    expect(covered('VER-003', [run('old', [one('VER-003')])])?.standing).toBe('open')
    expect(covered('VER-003', [], { 'VER-003': { reason: 'windows-only', why } })?.standing).toBe('windows-only')
  })
})

describe('the counts', () => {
  const { counts, clauseCounts, rules: rows, unknown } = coverageOf(rulesTable([], { 'MDL-001': { reason: 'windows-only', why } }), [
    run('r', [one(needsOutside, { verdict: 'fail' }), exampleCase({ id: 'b', rules: ['VER-003/0x07', 'ZZZ-001'] })]),
  ])

  it('have every rule once, and every clause once', () => {
    expect(standings.reduce((sum, standing) => sum + counts[standing], 0)).toBe(rules.length)
    const clauses = rows.flatMap((row) => row.clauses ?? [])
    expect(standings.reduce((sum, standing) => sum + clauseCounts[standing], 0)).toBe(clauses.length)
  })

  it('tell reasons apart from what is open', () => {
    expect(counts).toMatchObject({ proven: 0, broken: 1, 'windows-only': 1, 'not-falsifiable-here': 0 })
    expect(counts.supporting).toBe(rules.filter(({ core }) => !core).length)
    expect(clauseCounts.proven).toBe(1)
  })

  it('leave out what the catalogue does not have, and name it', () => {
    expect(unknown).toEqual(['ZZZ-001'])
  })
})
