import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { verdicts, witnesses } from '../../../src/record/schema.ts'
import { loadCatalogue } from '../../../src/spec/catalogue.ts'
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

  it('is in exactly one of the three lists', () => {
    const anyCase = fc.record({
      rules: fc.uniqueArray(fc.constantFrom(needsOutside, needsNothing, 'MDL-999')),
      verdict: fc.constantFrom(...verdicts),
      witness: fc.constantFrom(...witnesses),
    })
    fc.assert(
      fc.property(fc.array(anyCase, { maxLength: 6 }), (cases) => {
        const { proven, broken, open } = provenRules(cases)
        const declared = new Set(cases.flatMap((declaring) => declaring.rules))
        expect([...proven, ...broken, ...open].toSorted()).toEqual([...declared].toSorted())
      }),
    )
  })
})
