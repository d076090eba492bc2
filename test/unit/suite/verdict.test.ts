import { describe, expect, it } from '@jest/globals'
import { BugCheck, type ErrorCode, NtStatusError, OsError, ProbarError } from '../../../src/base/errors.ts'
import { CallerError } from '../../../src/ddi/kernel/ledger.ts'
import { NotOffered, RuleBroken } from '../../../src/suite/checks.ts'
import { outcomeOf, passed, skipped, withKnownIssue, withShortage } from '../../../src/suite/verdict.ts'

const broken: readonly ErrorCode[] = [
  'timeout',
  'device-gone',
  'device-asleep',
  'decoding-off',
  'interrupt-unavailable',
  'access-violation',
  'range-outside',
  'region-outside',
  'region-misaligned',
  'dma-outside-aperture',
  'dma-misaligned',
  'dma-overlap',
  'dma-range-overflow',
  'dma-would-split',
  'dma-unmapped',
  'dma-empty',
]

const own: readonly ErrorCode[] = [
  'internal',
  'closed',
  'cancelled',
  'out-of-memory',
  'dma-entries-exhausted',
  'capability-missing',
  'usage',
]

describe('what a case that threw has shown', () => {
  it('is a broken rule when a check did not hold', () => {
    expect(outcomeOf(new RuleBroken('the buffer differs'))).toEqual({
      verdict: 'fail',
      reason: { code: 'rule-broken', text: 'the buffer differs' },
    })
  })

  it.each([
    ['bugcheck', new BugCheck(0xc4, [0x85n], 'a bug check')],
    ['caller-error', new CallerError('DMA-021', 'a caller error')],
    ['nt-status', new NtStatusError(0xc000_0017, 'a status')],
  ])('is a broken rule when Windows refused what a driver may do: %s', (code, error) => {
    expect(outcomeOf(error)).toEqual({ verdict: 'fail', reason: { code, text: error.message } })
  })

  it.each(broken)('is a broken rule when device or platform failed with %s', (code) => {
    expect(outcomeOf(new ProbarError(code, 'text'))).toEqual({ verdict: 'fail', reason: { code, text: 'text' } })
  })

  it.each(own)('is nothing when Probar itself failed with %s', (code) => {
    expect(outcomeOf(new ProbarError(code, 'text'))).toEqual({ verdict: 'error', reason: { code, text: 'text' } })
  })

  it('is nothing when a system call failed', () => {
    expect(outcomeOf(new OsError('os-error', 'text', 5, 'ioctl')).verdict).toBe('error')
  })

  it('is nothing, with the place, when the case itself is wrong', () => {
    const { verdict, reason } = outcomeOf(new TypeError('x is not a function'))
    expect({ verdict, code: reason?.code }).toEqual({ verdict: 'error', code: 'internal' })
    expect(reason?.text).toMatch(/^TypeError: x is not a function at .*verdict\.test\.ts/)
  })

  it('is nothing when what was thrown is no error', () => {
    expect(outcomeOf('a word')).toEqual({ verdict: 'error', reason: { code: 'internal', text: 'a word' } })
  })

  it('is a skip when the device turned out to lack what only asking it tells', () => {
    const { verdict, reason } = outcomeOf(new NotOffered('no-hardware-register'))
    expect([verdict, reason?.code, reason?.text]).toEqual([
      'skip',
      'no-hardware-register',
      expect.stringContaining('register'),
    ])
  })

  it('is a skip when the platform dropped what should have been seen', () => {
    expect(outcomeOf(new ProbarError('witness-suppressed', 'dropped'))).toEqual(
      skipped('witness-suppressed', 'dropped'),
    )
  })
})

describe('a shortage of the machine', () => {
  const shortage = new OsError('out-of-memory', 'the kernel may not pin more', 12, 'ioctl')

  it('is why a case did not hold, which is then no broken rule', () => {
    expect(withShortage(outcomeOf(new RuleBroken('got 0xc000009a')), shortage)).toEqual({
      verdict: 'error',
      reason: { code: 'out-of-memory', text: 'the kernel may not pin more; after it: got 0xc000009a' },
    })
  })

  it('changes nothing for a case that passed, nor for one that broke', () => {
    const errored = outcomeOf(new TypeError('oops'))
    expect([withShortage(passed, shortage), withShortage(errored, shortage)]).toEqual([passed, errored])
  })

  it('that there was none leaves a broken rule broken', () => {
    expect(withShortage(outcomeOf(new RuleBroken('no')), undefined).verdict).toBe('fail')
  })
})

describe('a known issue', () => {
  const failed = outcomeOf(new RuleBroken('no'))

  it('that shows is expected', () => {
    expect(withKnownIssue(failed, 'erratum 7')).toEqual({
      verdict: 'xfail',
      reason: { code: 'known-issue', text: 'erratum 7' },
    })
  })

  it('that does not show is a surprise', () => {
    expect(withKnownIssue(passed, 'erratum 7').verdict).toBe('xpass')
  })

  it.each([skipped('no-io-bar', 'none'), outcomeOf(new Error('broken'))])('explains nothing else: %#', (outcome) => {
    expect(withKnownIssue(outcome, 'erratum 7')).toBe(outcome)
  })

  it('that is none changes nothing', () => {
    expect(withKnownIssue(failed, undefined)).toBe(failed)
  })
})
