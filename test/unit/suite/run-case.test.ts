import { describe, expect, it } from '@jest/globals'
import { physicalAddress } from '../../../src/base/address.ts'
import { sleep } from '../../../src/base/clock.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import type { Context } from '../../../src/suite/context.ts'
import { runCase } from '../../../src/suite/run-case.ts'
import { attempt, caseOf, onLoopback } from './bench.ts'

const ANYWHERE = physicalAddress(0xffff_ffff_ffff_ffffn)
const ZERO = physicalAddress(0n)

function allocate({ check, ddi }: Context, bytes = 4096) {
  return check.present(ddi.mm.MmAllocatePagesForMdlEx(ZERO, ANYWHERE, ZERO, bytes, 1, 0), 'pages')
}

describe('a case', () => {
  it('passes when its checks hold, and carries no evidence then', async () => {
    const { verdict, reason, evidence } = await attempt(caseOf())
    expect({ verdict, reason, evidence }).toEqual({ verdict: 'pass', reason: undefined, evidence: undefined })
  })

  it('fails when a check does not hold, and carries its operations', async () => {
    const record = await attempt(
      caseOf({
        run: (context) => {
          allocate(context)
          context.check.equal(1, 2, 'the number')
        },
      }),
    )
    expect(record).toMatchObject({
      verdict: 'fail',
      reason: { code: 'rule-broken', text: 'the number: expected 2, got 1' },
    })
    expect(record.evidence?.ops.map(({ op }) => op)).toContain('mm.MmAllocatePagesForMdlEx')
  })

  it('has proven nothing without a check', async () => {
    const record = await attempt(caseOf({ run: () => undefined }))
    expect(record).toMatchObject({ verdict: 'error', reason: { code: 'nothing-checked' } })
  })

  it('is in error when it breaks by itself, at once or later', async () => {
    const now = caseOf({
      run: () => {
        throw new TypeError('oops')
      },
    })
    const later = caseOf({ run: () => Promise.reject(new TypeError('oops')) })
    for (const one of [now, later]) expect((await attempt(one)).verdict).toBe('error')
  })

  it('has the witness of its operations: on a model nobody but Probar', async () => {
    const record = await attempt(caseOf({ run: ({ check, bar }) => check.equal(bar.read32(0) & 0xff, 0xed, 'it') }))
    expect(record).toMatchObject({ verdict: 'pass', witness: 'model' })
  })

  it('may use the engine only if it says that it needs it, where there is none', async () => {
    const record = await onLoopback(async (session) => {
      const poor = new Proxy(session, {
        get(target, name) {
          if (name === 'engine') return undefined
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
      const options = { clock: new VirtualClock(), timeoutMs: 1000, signal: new AbortController().signal }
      const uses = caseOf({ run: ({ check, engine }) => check.ok(engine.abilities.interrupts, 'it') })
      return [await runCase(uses, poor, options), await runCase({ ...uses, needs: ['engine'] }, poor, options)]
    })
    expect(record).toMatchObject([
      { verdict: 'error', reason: { code: 'internal' } },
      { verdict: 'skip', reason: { code: 'no-dma-engine' } },
    ])
  })
})

describe('a case that leaves something behind has not shown what it claims', () => {
  const leaving = {
    pages: (context: Context) => void allocate(context),
    'a view of a BAR': ({ bar, check, ddi }: Context) => {
      check.equal(ddi.dxgk.DxgkCbMapMemory(ddi.dxgk.DeviceHandle, bar.start, 4096, false, false, 0, {}), 0, 'mapping')
    },
    frames: ({ check, frames }: Context) => check.equal(frames.allocate({ count: 3 }).length, 3, 'frames'),
    'a DMA mapping': ({ check, device, frames }: Context) => {
      const indices = frames.allocate({ count: 1 })
      check.equal(device.dma.map({ memory: frames, indices }, 'read').size, 4096, 'bytes')
      frames.free(indices)
    },
  }

  it.each(Object.entries(leaving))('%s', async (_, run) => {
    expect(await attempt(caseOf({ run }))).toMatchObject({ verdict: 'error', reason: { code: 'left-behind' } })
  })

  it('but a failure stays one', async () => {
    const run = (context: Context) => {
      allocate(context)
      context.check.ok(false, 'the rule')
    }
    expect(await attempt(caseOf({ run }))).toMatchObject({ verdict: 'fail', reason: { text: 'the rule' } })
  })

  it('and the next case starts without it', async () => {
    const verdicts = await onLoopback(async (session) => {
      const options = { clock: new VirtualClock(), timeoutMs: 1000, signal: new AbortController().signal }
      const leaves = await runCase(caseOf({ run: (context) => void allocate(context) }), session, options)
      const counts = await runCase(
        caseOf({ run: ({ check, ddi }) => check.equal(ddi.mm.alive, 0, 'MDLs') }),
        session,
        options,
      )
      return [leaves.verdict, counts.verdict]
    })
    expect(verdicts).toEqual(['error', 'pass'])
  })
})

describe('a case that takes too long', () => {
  it('is told to end, and fails by timeout', async () => {
    const clock = new VirtualClock()
    let told: unknown
    const run = async ({ check, signal }: Context) => {
      check.ok(true, 'so far')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject((told = signal.reason))))
    }
    const record = await attempt(caseOf({ run }), { clock, timeoutMs: 30_000 })
    expect(record).toMatchObject({ verdict: 'fail', reason: { code: 'timeout' }, durationMs: 30_000 })
    expect(told).toMatchObject({ code: 'timeout' })
  })

  it('is given up a little later when it does not listen', async () => {
    const record = await attempt(caseOf({ run: () => new Promise(() => undefined) }), { timeoutMs: 30_000 })
    expect(record).toMatchObject({ verdict: 'fail', reason: { code: 'timeout' }, durationMs: 32_000 })
  })

  it('does not pass by ending after it was told to', async () => {
    const clock = new VirtualClock()
    const run = async ({ check }: Context) => {
      await sleep(clock, 1500)
      check.ok(true, 'late')
    }
    expect(await attempt(caseOf({ run }), { clock, timeoutMs: 1000 })).toMatchObject({ verdict: 'fail' })
  })

  it('is not late when it ends in time', async () => {
    const clock = new VirtualClock()
    const run = async ({ check }: Context) => {
      await sleep(clock, 999)
      check.ok(true, 'in time')
    }
    expect(await attempt(caseOf({ run }), { clock, timeoutMs: 1000 })).toMatchObject({
      verdict: 'pass',
      durationMs: 999,
    })
  })
})

describe('an interrupted case', () => {
  it('is told to end and is no pass', async () => {
    const interrupt = new AbortController()
    const run = async ({ check, signal }: Context) => {
      check.ok(true, 'so far')
      interrupt.abort()
      expect(signal.aborted).toBe(true)
    }
    const record = await attempt(caseOf({ run }), { signal: interrupt.signal })
    expect(record).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' } })
  })
})
