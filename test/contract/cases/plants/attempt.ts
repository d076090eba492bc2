import { systemClock } from '../../../../src/base/clock.ts'
import type { CaseRecord, RunRecord } from '../../../../src/record/schema.ts'
import { openSession } from '../../../../src/session/open.ts'
import type { Session } from '../../../../src/session/session.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { allCases } from '../../../../src/suite/all-cases.ts'
import type { Case } from '../../../../src/suite/case.ts'
import type { Need } from '../../../../src/suite/needs.ts'
import { runSuite } from '../../../../src/suite/run.ts'

export interface Bench {
  /** Of one device for all cases; unless told each case has the model that meets its needs. */
  readonly ref?: string
  readonly plant?: Plant
  readonly cases?: readonly Case[]
}

/** What edu does not offer, and sg does. */
const BEYOND_EDU: ReadonlySet<Need> = new Set([
  'channels',
  'abort',
  'lists',
  'cyclic',
  'cyclic-input',
  'cyclic-output',
  'cyclic-tap',
  'cyclic-notifications',
])

/** The model that a case is tried on: edu, or sg where edu would not do. */
export const modelFor = ({ needs = [] }: Pick<Case, 'needs'>): 'edu' | 'sg' =>
  needs.some((need) => BEYOND_EDU.has(need)) ? 'sg' : 'edu'

/** The records of cases on the loopback, in their order, with what is planted. */
export async function attempt({ ref, plant = {}, cases = allCases }: Bench): Promise<Pick<RunRecord, 'cases'>> {
  if (ref !== undefined) return await attemptOn(ref, plant, cases)
  const records: CaseRecord[] = []
  for (const model of ['edu', 'sg'] as const) {
    const own = cases.filter((one) => modelFor(one) === model)
    if (own.length > 0) records.push(...(await attemptOn(`loopback:${model}`, plant, own)).cases)
  }
  const order = new Map(cases.map(({ id }, index) => [id, index]))
  return { cases: records.toSorted((one, other) => (order.get(one.id) ?? 0) - (order.get(other.id) ?? 0)) }
}

async function attemptOn(ref: string, plant: Plant, cases: readonly Case[]): Promise<RunRecord> {
  await using session = await openSession({ device: ref, plant })
  return await attemptIn(session, cases)
}

/** The record of cases in a session that is there. */
export async function attemptIn(session: Session, cases: readonly Case[]): Promise<RunRecord> {
  const facts = {
    id: 'test',
    startedAt: new Date(0),
    host: { platform: 'test', release: '0', arch: 'none' },
    versions: { probar: '0', node: '0' },
  }
  return await runSuite(session, { facts, cases, clock: systemClock })
}

export function caseNamed(id: string): Case {
  const found = allCases.find((one) => one.id === id)
  if (found === undefined) throw new Error(`there is no case ${id}`)
  return found
}

export async function attemptOne(id: string, bench: Omit<Bench, 'cases'>): Promise<CaseRecord> {
  const { cases } = await attempt({ ...bench, cases: [caseNamed(id)] })
  const [only] = cases
  if (only === undefined) throw new Error(`${id} left no record`)
  return only
}
