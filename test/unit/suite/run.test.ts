import { describe, expect, it } from '@jest/globals'
import { runRecordSchema } from '../../../src/record/schema.ts'
import type { Profile } from '../../../src/profile/schema.ts'
import { openSession } from '../../../src/session/open.ts'
import type { Session } from '../../../src/session/session.ts'
import { allCases } from '../../../src/suite/all-cases.ts'
import type { Case } from '../../../src/suite/case.ts'
import { type RunObserver, runSuite } from '../../../src/suite/run.ts'
import { caseOf, facts, onLoopback, run } from './bench.ts'

const passing = (id: string) => caseOf({ id })
const failing = (id: string) => caseOf({ id, run: ({ check }) => check.ok(false, 'no') })

/** Passes from the attempt with this number on, the first being 1. */
function flaky(id: string, from: number): Case {
  let attempts = 0
  return caseOf({ id, run: ({ check }) => check.ok(++attempts >= from, `attempt ${attempts}`) })
}

/** The session with this list of known issues. */
function knowing(session: Session, knownIssues: NonNullable<Profile['knownIssues']>): Session {
  return new Proxy(session, {
    get(target, name) {
      if (name === 'profile') return { ...target.profile, knownIssues }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('a run', () => {
  it('leaves a record of the published shape, with a count for each verdict', async () => {
    const record = await run([passing('own/a'), failing('own/b'), caseOf({ id: 'own/c', run: () => undefined })])
    expect(runRecordSchema.parse(record)).toEqual(record)
    expect(record.cases.map(({ id, verdict }) => [id, verdict])).toEqual([
      ['own/a', 'pass'],
      ['own/b', 'fail'],
      ['own/c', 'error'],
    ])
    expect(record.summary).toEqual({ pass: 1, fail: 1, skip: 0, xfail: 0, xpass: 0, error: 1 })
  })

  it('tells what it ran on', async () => {
    const record = await run([passing('own/a')])
    expect(record).toMatchObject({
      id: 'a-run',
      startedAt: '2024-05-06T07:08:09.000Z',
      seed: '0x1234',
      backend: 'loopback',
      device: { ref: 'loopback:edu', vendor: '0x1234', device: '0x11e8', revision: '0x10' },
      profile: 'qemu-edu',
    })
  })

  it('refuses a profile whose known issue is of no case: a typing error must not hide', async () => {
    const knownIssues = [{ case: 'own/typo', reason: 'planted' }]
    await using session = await openSession({ device: 'loopback:edu' })
    const profiled = new Proxy(session, {
      get: (target, key) =>
        key === 'profile' ? { ...target.profile, knownIssues } : (Reflect.get(target, key, target) as unknown),
    })
    await expect(runSuite(profiled, { facts, cases: [passing('own/a')] })).rejects.toMatchObject({
      code: 'profile-invalid',
      message: expect.stringContaining('own/typo'),
    })
  })

  it('runs all cases of Probar unless told, each in the shape of the record', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    const record = await runSuite(session, { facts })
    expect(runRecordSchema.parse(record).cases.map(({ id }) => id)).toEqual(allCases.map(({ id }) => id))
  })

  it('tells its observer of everything, in order', async () => {
    const heard: string[] = []
    const observer: RunObserver = {
      start: ({ id }) => void heard.push(`start ${id}`),
      caseStarted: (id, index, total) => void heard.push(`${id} starts, ${index} of ${total}`),
      caseDone: ({ id, verdict }, index, total) => void heard.push(`${id} ${verdict}, ${index} of ${total}`),
    }
    await run([passing('own/a'), failing('own/b')], { observer })
    expect(heard).toEqual([
      'start a-run',
      'own/a starts, 0 of 2',
      'own/a pass, 0 of 2',
      'own/b starts, 1 of 2',
      'own/b fail, 1 of 2',
    ])
  })
})

describe('an interrupted run', () => {
  it('starts no further case, and holds those that ended before', async () => {
    const interrupt = new AbortController()
    const started: string[] = []
    const interrupting = caseOf({
      id: 'own/b',
      run: ({ check }) => {
        check.ok(true, 'it')
        interrupt.abort()
      },
    })
    const observer: RunObserver = {
      start: () => undefined,
      caseStarted: (id) => void started.push(id),
      caseDone: () => undefined,
    }
    const record = await run([passing('own/a'), interrupting, passing('own/c')], { signal: interrupt.signal, observer })
    expect(started).toEqual(['own/a', 'own/b'])
    expect(record.cases.map(({ id }) => id)).toEqual(['own/a'])
  })

  it('runs nothing when it was interrupted before it began', async () => {
    const started: string[] = []
    const observer: RunObserver = {
      start: () => undefined,
      caseStarted: (id) => void started.push(id),
      caseDone: () => undefined,
    }
    const { cases } = await run([passing('own/a')], { signal: AbortSignal.abort(), observer })
    expect([started, cases]).toEqual([[], []])
  })

  it('is not tried again', async () => {
    const interrupt = new AbortController()
    let attempts = 0
    const one = caseOf({
      run: ({ check }) => {
        attempts++
        interrupt.abort()
        check.ok(false, 'no')
      },
    })
    await run([one], { signal: interrupt.signal, retries: 5 })
    expect(attempts).toBe(1)
  })
})

describe('a case that did not pass', () => {
  it('is tried again as often as told, and a pass tells that it took several attempts', async () => {
    const { cases } = await run([flaky('own/a', 3)], { retries: 2 })
    expect(cases).toMatchObject([{ verdict: 'pass', reason: { code: 'retried', text: 'passed at attempt 3' } }])
  })

  it('is tried again after an error too', async () => {
    let attempts = 0
    const breaking = caseOf({ run: ({ check }) => void (attempts++ > 0 && check.ok(true, 'it')) })
    expect((await run([breaking], { retries: 1 })).cases).toMatchObject([{ verdict: 'pass' }])
  })

  it('fails when the attempts are used up', async () => {
    const { cases } = await run([flaky('own/a', 3)], { retries: 1 })
    expect(cases).toMatchObject([{ verdict: 'fail', reason: { text: 'attempt 2' } }])
  })

  it('is not tried again unless told', async () => {
    const { cases } = await run([flaky('own/a', 2)])
    expect(cases).toMatchObject([{ verdict: 'fail' }])
  })

  it('has no reason to tell when it passed at once', async () => {
    const [only] = (await run([passing('own/a')], { retries: 3 })).cases
    expect(only?.reason).toBeUndefined()
  })
})

describe('a known issue of the profile', () => {
  it('makes a failure expected and a pass a surprise, for its own case only', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    const knownIssues = [
      { case: 'own/a', reason: 'erratum 1' },
      { case: 'own/b', reason: 'erratum 2' },
    ]
    const cases = [failing('own/a'), passing('own/b'), failing('own/c')]
    const record = await runSuite(knowing(session, knownIssues), { facts, cases })
    expect(record.cases.map(({ verdict, reason }) => [verdict, reason?.text])).toEqual([
      ['xfail', 'erratum 1'],
      ['xpass', 'erratum 2'],
      ['fail', 'no'],
    ])
  })
})

describe('what a case needs', () => {
  it('skips it with its code where the device does not offer it', async () => {
    await using session = await openSession({ device: 'loopback:edu' })
    const bare = { name: 'bare', title: 'nothing is known', source: 'none', match: [], regions: [] }
    const poor = new Proxy(session, {
      get(target, name) {
        if (name === 'profile') return bare
        if (name === 'engine') return undefined
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const needs = ['engine', 'interrupts', 'constant-register', 'inverting-register', 'memory-bar'] as const
    const cases = needs.map((need) => caseOf({ id: `own/${need}`, needs: [need] }))
    const record = await runSuite(poor, { facts, cases })
    expect(record.cases.map(({ verdict, reason }) => [verdict, reason?.code])).toEqual([
      ['skip', 'no-dma-engine'],
      ['skip', 'no-interrupts'],
      ['skip', 'no-known-register'],
      ['skip', 'no-known-register'],
      ['pass', undefined],
    ])
  })
})

describe('a run whose device is asked for', () => {
  const asking = (id: string, run: Case['run']) => caseOf({ id, run })
  const ask: Case['run'] = async ({ check, device }) => {
    device.interrupts.enable('msi', 1)
    device.notices.trigger('request')
    await device.interrupts.wait(0, 0, { timeoutMs: 60_000 }).catch(() => check.ok(false, 'no interrupt'))
  }

  it('stops, and its record says why; the case in hand has shown nothing', async () => {
    const record = await run([passing('own/a'), asking('own/b', ask), passing('own/c')], { retries: 3 })
    expect(runRecordSchema.parse(record)).toEqual(record)
    expect(record.cases.map(({ id, verdict, reason }) => [id, verdict, reason?.code])).toEqual([
      ['own/a', 'pass', undefined],
      ['own/b', 'error', 'device-gone'],
    ])
    expect(record.stopped).toMatchObject({ code: 'device-gone' })
  })

  it('does not wait long for a case that does not listen', async () => {
    const deaf: Case['run'] = ({ device }) => {
      device.notices.trigger('request')
      return new Promise(() => undefined)
    }
    const cases = [asking('own/deaf', deaf), passing('own/c')]
    const record = await onLoopback((session) =>
      runSuite(session, { facts, cases, clock: session.device.clock, timeoutMs: 60_000 }),
    )
    expect(record.cases).toMatchObject([{ id: 'own/deaf', verdict: 'error', reason: { code: 'device-gone' } }])
    expect(record.cases[0]?.durationMs).toBeLessThan(2000)
  })

  it('has no such mark otherwise', async () => {
    expect(await run([passing('own/a')])).not.toHaveProperty('stopped')
  })

  it('tells how the device is reset', async () => {
    expect((await run([passing('own/a')])).device.reset).toBe('model')
  })
})
