import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { verdicts, witnesses } from '../../../src/record/schema.ts'
import { loadCatalogue } from '../../../src/spec/catalogue.ts'
import { ruleOf } from '../../../src/spec/clauses.ts'
import { provenRules } from '../../../src/spec/coverage.ts'

const { rules } = loadCatalogue()
const needsOutside = rules.find(({ marks }) => marks.includes('H'))?.id ?? ''
const needsNothing = rules.find(({ marks }) => !marks.includes('H'))?.id ?? ''

describe('a rule', () => {
  const one = (id: string, verdict: (typeof verdicts)[number], witness: (typeof witnesses)[number]) => ({
    rules: [id],
    verdict,
    witness,
  })

  it.each([
    ['proven by a device', [one(needsOutside, 'pass', 'device')], needsOutside, 'proven'],
    ['proven by the kernel', [one(needsOutside, 'pass', 'kernel')], needsOutside, 'proven'],
    ['open when marked H and seen by a model only', [one(needsOutside, 'pass', 'model')], needsOutside, 'open'],
    ['proven by a model when not marked H', [one(needsNothing, 'pass', 'model')], needsNothing, 'proven'],
    ['open when its case was skipped', [one(needsNothing, 'skip', 'model')], needsNothing, 'open'],
    ['open when its case broke', [one(needsNothing, 'error', 'device')], needsNothing, 'open'],
    ['broken though another case passed', [one(needsNothing, 'pass', 'device'), one(needsNothing, 'fail', 'model')], needsNothing, 'broken'],
    ['broken by a pass against expectation', [one(needsNothing, 'xpass', 'device')], needsNothing, 'broken'],
    ['open beside a known issue', [one(needsNothing, 'pass', 'device'), one(needsNothing, 'xfail', 'device')], needsNothing, 'open'],
    ['open when the catalogue does not have it', [one('MDL-999', 'pass', 'device')], 'MDL-999', 'open'],
  ] as const)('is %s', (_, cases, id, standing) => {
    const nothing = { proven: [], broken: [], open: [] }
    expect(provenRules(cases)).toEqual({ ...nothing, [standing]: [id] })
  })

  const clause = (code: string, verdict: (typeof verdicts)[number]) => one(`VER-003/${code}`, verdict, 'model')
  const all = ['0x07', '0x08', '0x09', '0x0A'].map((code) => clause(code, 'pass'))
  it.each([
    ['proven when each clause is', all, 'proven'],
    ['open while a clause is left', all.slice(1), 'open'],
    ['open when a clause was skipped', [...all.slice(1), clause('0x07', 'skip')], 'open'],
    ['broken by one clause', [...all.slice(1), clause('0x07', 'fail')], 'broken'],
    ['open when a record declares it whole', [one('VER-003', 'pass', 'model')], 'open'],
    ['broken when a record declares it whole', [...all, one('VER-003', 'fail', 'model')], 'broken'],
  ] as const)('that is compound is %s', (_, cases, standing) => {
    const nothing = { proven: [], broken: [], open: [] }
    expect(provenRules(cases)).toEqual({ ...nothing, [standing]: ['VER-003'] })
  })

  it('that is compound is proven without the clauses that have a reason', () => {
    const cases = [clause('0x07', 'pass')]
    const others = { reason: 'windows-only', why: 'It is only a test.' } as const
    const uncovered = { 'VER-003/0x08': others, 'VER-003/0x09': others, 'VER-003/0x0A': others }
    expect(provenRules(cases, uncovered).proven).toEqual(['VER-003'])
    expect(provenRules([clause('0x07', 'skip')], uncovered).open).toEqual(['VER-003'])
  })

  it('is in exactly one of the three lists', () => {
    const anyCase = fc.record({
      rules: fc.uniqueArray(fc.constantFrom(needsOutside, needsNothing, 'MDL-999', 'VER-002', 'VER-002/0x06')),
      verdict: fc.constantFrom(...verdicts),
      witness: fc.constantFrom(...witnesses),
    })
    fc.assert(
      fc.property(fc.array(anyCase, { maxLength: 6 }), (cases) => {
        const { proven, broken, open } = provenRules(cases)
        const declared = new Set(cases.flatMap((declaring) => declaring.rules.map(ruleOf)))
        expect([...proven, ...broken, ...open].toSorted()).toEqual([...declared].toSorted())
      }),
    )
  })
})
