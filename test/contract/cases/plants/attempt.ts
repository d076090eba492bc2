import { systemClock } from '../../../../src/base/clock.ts'
import type { CaseRecord, RunRecord } from '../../../../src/record/schema.ts'
import { openSession } from '../../../../src/session/open.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { allCases } from '../../../../src/suite/all-cases.ts'
import type { Case } from '../../../../src/suite/case.ts'
import { runSuite } from '../../../../src/suite/run.ts'

export interface Bench {
  readonly ref?: string
  readonly plant?: Plant
  readonly cases?: readonly Case[]
}

/** The record of a run on the loopback, with what is planted. */
export async function attempt({ ref = 'loopback:edu', plant = {}, cases = allCases }: Bench): Promise<RunRecord> {
  await using session = await openSession({ device: ref, plant })
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
