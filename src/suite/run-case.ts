import { type Clock, sleep } from '../base/clock.ts'
import { ProbarError, codeOf } from '../base/errors.ts'
import { isShortage } from '../ddi/kernel/shortages.ts'
import { CaseTrace } from '../record/recorder.ts'
import type { CaseRecord } from '../record/schema.ts'
import { skipCodes } from '../record/skip-codes.ts'
import type { Leftovers, Session } from '../session/session.ts'
import { type Case, suiteOf } from './case.ts'
import { Context } from './context.ts'
import { unmetNeed } from './needs.ts'
import { type Outcome, outcomeOf, passed, skipped, withKnownIssue, withShortage } from './verdict.ts'

export interface CaseOptions {
  /** Real time, for durations and the limit. */
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** How long a case may take to end after it was told to; less when somebody waits for the device. */
const GRACE_MS = 2000
const GRACE_GONE_MS = 250

/** Runs one case on a fresh Windows, and leaves a fresh one behind. */
export async function runCase(one: Case, session: Session, options: CaseOptions): Promise<CaseRecord> {
  const { clock } = options
  const start = clock.now()
  const notBegun = await beginning(session)
  const trace = new CaseTrace(() => clock.now())
  session.trace.sink = trace
  const outcome = notBegun ?? withShortage(await attempt(one, session, options), session.kernel.shortages.first)
  session.trace.sink = undefined
  // Nothing more runs on a device that is to be let go: closing the session takes back what the case left.
  const settled = session.gone.aborted ? outcome : await afterwards(outcome, session)
  const issue = session.profile.knownIssues?.find((known) => known.case === one.id)?.reason
  const { verdict, reason } = withKnownIssue(settled, issue)
  return {
    id: one.id,
    suite: suiteOf(one),
    rules: one.rules,
    verdict,
    witness: trace.witness,
    ...(reason === undefined ? {} : { reason }),
    durationMs: Math.max(0, clock.now() - start),
    ...(verdict === 'pass' || verdict === 'skip' ? {} : { evidence: trace.evidence() }),
  }
}

/** Why there is no fresh Windows to run on, or undefined when there is one. */
async function beginning(session: Session): Promise<Outcome | undefined> {
  try {
    await session.restore()
    return undefined
  } catch (error) {
    const text = `nothing can be run on the device: ${error instanceof Error ? error.message : 'unknown error'}`
    return { verdict: 'error', reason: { code: codeOf(error) ?? 'internal', text } }
  }
}

async function attempt(one: Case, session: Session, options: CaseOptions): Promise<Outcome> {
  const missing = unmetNeed(one.needs ?? [], session)
  if (missing !== undefined) return skipped(missing, skipCodes[missing])
  const end = new AbortController()
  const context = new Context(session, end.signal)
  try {
    await withinLimit(one, context, end, options)
    if (context.check.made > 0) return passed
    return { verdict: 'error', reason: { code: 'nothing-checked', text: 'the case ended without a single check' } }
  } catch (error) {
    // Of a device that is taken away, what a case sees says nothing of its rule.
    return session.gone.aborted ? { ...outcomeOf(session.gone.reason), verdict: 'error' } : outcomeOf(error)
  }
}

/** Runs the body; at the limit, or when the run is interrupted, tells it to end and does not wait for ever. */
async function withinLimit(one: Case, context: Context, end: AbortController, options: CaseOptions): Promise<void> {
  const { clock, timeoutMs, signal } = options
  const { gone } = context.device.notices
  const interrupt = (): void =>
    end.abort(gone.aborted ? gone.reason : new ProbarError('cancelled', 'the run was interrupted'))
  signal.addEventListener('abort', interrupt, { once: true })
  const late = new ProbarError('timeout', `the case did not end within ${timeoutMs} ms`)
  using limit = clock.setTimer(timeoutMs, () => end.abort(late))
  void limit
  try {
    const body = Promise.resolve(one.run(context))
    await Promise.race([body, giveUp(end.signal, () => sleep(clock, gone.aborted ? GRACE_GONE_MS : GRACE_MS))])
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
  if (end.signal.aborted) throw end.signal.reason
}

/** Rejects some time after the abort, for a body that does not listen. */
function giveUp(aborted: AbortSignal, grace: () => Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    aborted.addEventListener('abort', () => void grace().then(() => reject(aborted.reason as Error)), { once: true })
  })
}

/** A case that passed and left something behind has not shown what it claims to. */
async function afterwards(outcome: Outcome, session: Session): Promise<Outcome> {
  try {
    return withLeftovers(outcome, await session.renew())
  } catch (error) {
    const text = `what the case used cannot be taken back: ${error instanceof Error ? error.message : 'unknown error'}`
    const { verdict, reason } = outcome
    if (verdict === 'fail' && reason !== undefined)
      return { verdict, reason: { ...reason, text: `${reason.text}; ${text}` } }
    return { verdict: 'error', reason: { code: isShortage(error) ? error.code : 'left-behind', text } }
  }
}

function withLeftovers(outcome: Outcome, left: Leftovers): Outcome {
  if (outcome.verdict !== 'pass') return outcome
  const [misuse] = left.misuse
  if (misuse !== undefined) {
    return {
      verdict: 'error',
      reason: { code: 'left-behind', text: `${misuse.routine} (${misuse.rule}): ${misuse.text}` },
    }
  }
  if (left.frames === 0 && left.entries === 0) return outcome
  const text = `${left.frames} frames and ${left.entries} DMA mappings were not given back`
  return { verdict: 'error', reason: { code: 'left-behind', text } }
}
