import { BugCheck, NtStatusError, ProbarError, codeOf } from '../base/errors.ts'
import { CallerError } from '../ddi/kernel/ledger.ts'
import type { Reason, Verdict } from '../record/schema.ts'
import { NotOffered, RuleBroken } from './checks.ts'

export interface Outcome {
  readonly verdict: Verdict
  readonly reason?: Reason
}

/**
 * Codes that say something of the device, its platform or a DDI, and so break the rule under test. Any other error is
 * Probar's own and says nothing about the rule.
 */
const FINDINGS: ReadonlySet<string> = new Set([
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
  'dma-unmap-short',
  'dma-empty',
])

export const passed: Outcome = { verdict: 'pass' }

export function skipped(code: string, text: string): Outcome {
  return { verdict: 'skip', reason: { code, text } }
}

/** What a case that threw has shown: a broken rule, or nothing. */
export function outcomeOf(error: unknown): Outcome {
  const text = error instanceof Error ? error.message : String(error)
  if (error instanceof RuleBroken) return { verdict: 'fail', reason: { code: 'rule-broken', text } }
  if (error instanceof NotOffered) return skipped(error.code, text)
  if (codeOf(error) === 'witness-suppressed') return skipped('witness-suppressed', text)
  if (error instanceof BugCheck || error instanceof CallerError || error instanceof NtStatusError) {
    return { verdict: 'fail', reason: { code: error.code, text } }
  }
  if (error instanceof ProbarError && FINDINGS.has(error.code))
    return { verdict: 'fail', reason: { code: error.code, text } }
  return { verdict: 'error', reason: { code: codeOf(error) ?? 'internal', text: withPlace(error, text) } }
}

/** The first line of the stack that is ours: an error of Probar itself is for its developers. */
function withPlace(error: unknown, text: string): string {
  if (error instanceof ProbarError || !(error instanceof Error)) return text
  const place = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '))
  return place === undefined ? text : `${error.name}: ${text} ${place.trim().replace(/\(file:.*\/(?=[^/]+\))/, '(')}`
}

/**
 * A rule that did not hold after the machine ran out of something was not shown to be broken: what the device or the
 * platform would have done with enough of it is unknown.
 */
export function withShortage(outcome: Outcome, shortage: ProbarError | undefined): Outcome {
  if (shortage === undefined || outcome.verdict !== 'fail') return outcome
  const after = outcome.reason === undefined ? '' : `; after it: ${outcome.reason.text}`
  return { verdict: 'error', reason: { code: shortage.code, text: `${shortage.message}${after}` } }
}

/** A known issue that shows is xfail, and one that does not is xpass. */
export function withKnownIssue(outcome: Outcome, issue: string | undefined): Outcome {
  if (issue === undefined) return outcome
  const reason = { code: 'known-issue', text: issue }
  if (outcome.verdict === 'fail') return { verdict: 'xfail', reason }
  return outcome.verdict === 'pass' ? { verdict: 'xpass', reason } : outcome
}
