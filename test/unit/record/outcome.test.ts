import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { exitStatusOf, summarise } from '../../../src/record/outcome.ts'
import { verdicts, type CaseRecord } from '../../../src/record/schema.ts'
import { exampleCase, exampleSkip } from './example.ts'

const codes = ['no-io-bar', 'budget'] as const
const anyCase: fc.Arbitrary<CaseRecord> = fc.oneof(
  fc.constantFrom(...verdicts.filter((verdict) => verdict !== 'skip')).map((verdict) => exampleCase({ verdict })),
  fc.constantFrom(...codes).map((code) => exampleSkip(code)),
)
const anyCases = fc.array(anyCase, { maxLength: 12 })
const anyExpectation = fc.subarray([...codes]).map((expected) => new Set<string>(expected))

const statusOf = (cases: readonly CaseRecord[], expected: readonly string[] = []) =>
  exitStatusOf({ cases }, new Set(expected))
const pass = exampleCase()
const fail = exampleCase({ verdict: 'fail' })
const error = exampleCase({ verdict: 'error' })

describe('the summary', () => {
  it('has a count for each verdict, which add up to the cases', () => {
    fc.assert(
      fc.property(anyCases, (cases) => {
        const summary = summarise(cases)
        expect(Object.keys(summary).toSorted()).toEqual([...verdicts].toSorted())
        for (const verdict of verdicts) {
          expect(summary[verdict]).toBe(cases.filter((one) => one.verdict === verdict).length)
        }
      }),
    )
  })
})

describe('the exit status', () => {
  it.each([
    ['0 for a pass', [pass], [], 0],
    ['0 for a pass beside a skip that was expected', [pass, exampleSkip('no-io-bar')], ['no-io-bar'], 0],
    ['0 for a pass beside a known issue', [pass, exampleCase({ verdict: 'xfail' })], [], 0],
    ['1 for a broken rule', [pass, fail], [], 1],
    ['1 for a known issue that does not show', [pass, exampleCase({ verdict: 'xpass' })], [], 1],
    ['4 for a case that broke', [pass, error], [], 4],
    ['5 for no case at all', [], [], 5],
    ['5 when only expected skips are left', [exampleSkip('no-io-bar')], ['no-io-bar'], 5],
    ['5 when only a known issue showed', [exampleCase({ verdict: 'xfail' })], [], 5],
    ['5 for a pass beside a skip that nobody expected', [pass, exampleSkip('no-io-bar')], ['budget'], 5],
    ['1 rather than 4 when a rule is broken and a case broke', [error, fail], [], 1],
    ['4 rather than 5 when a case broke and another was skipped', [pass, exampleSkip('budget'), error], [], 4],
  ] as const)('is %s', (_, cases, expected, status) => {
    expect(statusOf(cases, expected)).toBe(status)
  })

  it('counts a skip without a reason as unexpected', () => {
    const { reason: _, ...bare } = exampleSkip('budget')
    expect(statusOf([pass, bare], ['budget'])).toBe(5)
  })

  it('does not depend on the order of the cases', () => {
    fc.assert(
      fc.property(anyCases, anyExpectation, (cases, expected) => {
        expect(exitStatusOf({ cases: cases.toReversed() }, expected)).toBe(exitStatusOf({ cases }, expected))
      }),
    )
  })

  it('is never 0 with anything but passes, known issues and expected skips', () => {
    fc.assert(
      fc.property(anyCases, anyExpectation, (cases, expected) => {
        fc.pre(exitStatusOf({ cases }, expected) === 0)
        expect(cases.some(({ verdict }) => verdict === 'pass')).toBe(true)
        for (const { verdict, reason } of cases) {
          expect(['pass', 'xfail', 'skip']).toContain(verdict)
          if (verdict === 'skip') expect(expected.has(reason?.code ?? '')).toBe(true)
        }
      }),
    )
  })

  it('does not get better when a case that failed is added', () => {
    fc.assert(
      fc.property(anyCases, anyExpectation, (cases, expected) => {
        expect(exitStatusOf({ cases: [...cases, fail] }, expected)).toBe(1)
      }),
    )
  })
})
