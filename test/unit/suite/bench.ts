import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import type { CaseRecord, RunRecord } from '../../../src/record/schema.ts'
import { openSession } from '../../../src/session/open.ts'
import type { Session } from '../../../src/session/session.ts'
import type { Case } from '../../../src/suite/case.ts'
import { type CaseOptions, runCase } from '../../../src/suite/run-case.ts'
import { type RunFacts, type RunOptions, runSuite } from '../../../src/suite/run.ts'

export const facts: RunFacts = {
  id: 'a-run',
  startedAt: new Date('2024-05-06T07:08:09Z'),
  host: { platform: 'linux', release: '6.1', arch: 'x64' },
  versions: { probar: '0.1.0', node: '20.20.2' },
}

/** A case with one check that holds, unless told otherwise. */
export function caseOf(parts: Partial<Case> = {}): Case {
  return { id: 'own/case', title: 'a case', rules: [], run: ({ check }) => check.ok(true, 'it holds'), ...parts }
}

export async function onLoopback<T>(act: (session: Session) => Promise<T>, ref = 'loopback:edu'): Promise<T> {
  await using session = await openSession({ device: ref, seed: 0x1234n })
  return await act(session)
}

/** One case, on a clock that jumps over every wait. */
export function attempt(one: Case, options: Partial<CaseOptions> = {}): Promise<CaseRecord> {
  const { signal } = new AbortController()
  return onLoopback((session) =>
    runCase(one, session, { clock: new VirtualClock(), timeoutMs: 1000, signal, ...options }),
  )
}

export function run(cases: readonly Case[], options: Partial<RunOptions> = {}): Promise<RunRecord> {
  return onLoopback((session) => runSuite(session, { facts, cases, clock: new VirtualClock(), ...options }))
}
