import { type Clock, systemClock } from '../base/clock.ts'
import { ProbarError, codeOf } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import { completeRecord } from '../record/outcome.ts'
import { type CaseRecord, RECORD_SCHEMA, type Reason, type RunHead, type RunRecord } from '../record/schema.ts'
import type { Session } from '../session/session.ts'
import { allCases } from './all-cases.ts'
import type { Case } from './case.ts'
import { runCase } from './run-case.ts'

/** Facts of a run that Probar does not find out by itself. */
export interface RunFacts {
  readonly id: string
  readonly startedAt: Date
  readonly host: RunHead['host']
  readonly versions: RunHead['versions']
}

export interface RunOptions {
  readonly facts: RunFacts
  /** All that there are unless told. */
  readonly cases?: readonly Case[]
  /** Real milliseconds for each case; 60 s unless told. */
  readonly timeoutMs?: number
  /** Times that a case which did not pass is tried again; 0 unless told. */
  readonly retries?: number
  /** Interrupts the run: the case in hand is told to end and no further one starts. */
  readonly signal?: AbortSignal
  readonly observer?: RunObserver
  readonly clock?: Clock
}

/** Hears of a run while it goes on. */
export interface RunObserver {
  start(head: RunHead): void
  caseStarted(id: string, index: number, total: number): void
  caseDone(result: CaseRecord, index: number, total: number): void
}

/**
 * Runs cases on a session, one after the other. An interrupted run's record holds the cases that ended before. When the
 * device is asked for, or failed on the bus, the run stops, and the record says so.
 * @throws ProbarError profile-invalid when the profile names a known issue of no case
 */
export async function runSuite(session: Session, options: RunOptions): Promise<RunRecord> {
  const { cases = allCases, observer, signal: interrupt = new AbortController().signal } = options
  const { gone } = session
  const signal = AbortSignal.any([interrupt, gone])
  checkKnownIssues(session, [...allCases, ...cases])
  const head = headOf(session, options.facts)
  observer?.start(head)
  const results: CaseRecord[] = []
  for (const [index, one] of cases.entries()) {
    await turn()
    if (signal.aborted) break
    observer?.caseStarted(one.id, index, cases.length)
    const result = await runWithRetries(one, session, { ...options, signal })
    if (interrupt.aborted) break
    results.push(result)
    observer?.caseDone(result, index, cases.length)
  }
  if (interrupt.aborted || !gone.aborted) return completeRecord(head, results)
  return { ...completeRecord(head, results), stopped: reasonOf(gone.reason) }
}

function reasonOf(error: unknown): Reason {
  return { code: codeOf(error) ?? 'internal', text: error instanceof Error ? error.message : String(error) }
}

/** A typing error in a profile must not hide: the issue would never show as xfail. @throws ProbarError profile-invalid */
function checkKnownIssues({ profile }: Session, cases: readonly Case[]): void {
  const unknown = profile.knownIssues?.find((issue) => !cases.some(({ id }) => id === issue.case))
  if (unknown === undefined) return
  const text = `the profile ${profile.name} has a known issue of the case '${unknown.case}', which there is not`
  throw new ProbarError('profile-invalid', `${text}; 'probar run --list' shows all cases`)
}

async function runWithRetries(
  one: Case,
  session: Session,
  options: RunOptions & { signal: AbortSignal },
): Promise<CaseRecord> {
  const { clock = systemClock, timeoutMs = 60_000, retries = 0, signal } = options
  for (let attempt = 0; ; attempt++) {
    const result = await runCase(one, session, { clock, timeoutMs, signal })
    const again = result.verdict === 'fail' || result.verdict === 'error'
    if (again && attempt < retries && !signal.aborted) continue
    if (attempt === 0 || result.verdict !== 'pass') return result
    return { ...result, reason: { code: 'retried', text: `passed at attempt ${attempt + 1}` } }
  }
}

function headOf(session: Session, facts: RunFacts): RunHead {
  const { device, profile } = session
  const { vendor, device: id, revision, driver, group } = device.identity
  const { interface: mapper } = device.dma.capabilities
  return {
    schema: RECORD_SCHEMA,
    id: facts.id,
    startedAt: facts.startedAt.toISOString(),
    host: facts.host,
    versions: facts.versions,
    seed: hex(session.seed),
    backend: device.backend,
    ...(mapper === undefined ? {} : { dmaInterface: mapper }),
    ...(session.addonProblem === undefined ? {} : { withoutAddon: session.addonProblem }),
    device: {
      ref: device.ref,
      vendor: hex(vendor, 4),
      device: hex(id, 4),
      revision: hex(revision, 2),
      ...(driver === undefined ? {} : { driver }),
      ...(group === undefined ? {} : { group }),
      reset: session.resets?.method ?? 'none',
    },
    profile: profile.name,
  }
}

/** Cases may never wait: then neither a signal nor the kernel's request for the device would be heard between them. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
