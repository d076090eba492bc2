import { describe, expect, it } from '@jest/globals'
import { BugCheck, NtStatusError, ProbarError } from '../../../src/base/errors.ts'
import { CallerError } from '../../../src/ddi/kernel/ledger.ts'
import { Checks, RuleBroken } from '../../../src/suite/checks.ts'

function throwing(error: unknown): () => never {
  return () => {
    throw error
  }
}

type Act = (check: Checks) => unknown

const bytes = (...values: number[]) => Uint8Array.from(values)
const bugCheck = (code: number, first?: bigint) => new BugCheck(code, first === undefined ? [] : [first], 'a bug check')

/** What holds, and what does not, of every method. */
const methods: readonly (readonly [string, Act, Act])[] = [
  ['ok', (c) => c.ok(true, 'it'), (c) => c.ok(false, 'it')],
  ['equal', (c) => c.equal(1, 1, 'it'), (c) => c.equal(1, 2, 'it')],
  ['equal, of another type', (c) => c.equal(1n, 1n, 'it'), (c) => c.equal(1n, 1, 'it')],
  ['equal, of undefined', (c) => c.equal(undefined, undefined, 'it'), (c) => c.equal(undefined, null, 'it')],
  ['differ', (c) => c.differ(1, 2, 'it'), (c) => c.differ(1, 1, 'it')],
  ['bytes', (c) => c.bytes(bytes(1, 2), bytes(1, 2), 'it'), (c) => c.bytes(bytes(1, 2), bytes(1, 3), 'it')],
  ['bytes, too few', (c) => c.bytes(bytes(), bytes(), 'it'), (c) => c.bytes(bytes(1), bytes(1, 2), 'it')],
  ['bytes, too many', (c) => c.bytes(bytes(0), bytes(0), 'it'), (c) => c.bytes(bytes(1, 2), bytes(1), 'it')],
  ['filled', (c) => c.filled(bytes(7, 7), 7, 'it'), (c) => c.filled(bytes(7, 7, 8), 7, 'it')],
  ['absent, null', (c) => c.absent(null, 'it'), (c) => c.absent(0, 'it')],
  ['absent, undefined', (c) => c.absent(undefined, 'it'), (c) => c.absent(0n, 'it')],
  ['present', (c) => c.present(0, 'it'), (c) => c.present(null, 'it')],
  ['present, undefined', (c) => c.present('', 'it'), (c) => c.present(undefined, 'it')],
  [
    'bugCheck, of its code',
    (c) => c.bugCheck(0xc4, 0x85, 'it', throwing(bugCheck(0xc4, 0x85n))),
    (c) => c.bugCheck(0xc4, 0x85, 'it', throwing(bugCheck(0xe6, 0x85n))),
  ],
  [
    'bugCheck, of its parameter',
    (c) => c.bugCheck(0xda, 0, 'it', throwing(bugCheck(0xda))),
    (c) => c.bugCheck(0xc4, 0x85, 'it', throwing(bugCheck(0xc4, 0x82n))),
  ],
  [
    'bugCheck, of its further parameters',
    (c) => c.bugCheck(0xe6, [0x0f, 2], 'it', throwing(new BugCheck(0xe6, [0x0fn, 2n, 7n], 'a bug check'))),
    (c) => c.bugCheck(0xe6, [0x0f, 2], 'it', throwing(new BugCheck(0xe6, [0x0fn, 5n, 2n], 'a bug check'))),
  ],
  [
    'bugCheck, when nothing is raised',
    (c) => c.bugCheck(1, 2, 'it', throwing(bugCheck(1, 2n))),
    (c) => c.bugCheck(1, 2, 'it', () => 5),
  ],
  [
    'callerError, of its rule',
    (c) => c.callerError('DMA-021', 'it', throwing(new CallerError('DMA-021', 'no'))),
    (c) => c.callerError('DMA-021', 'it', throwing(new CallerError('DMA-025', 'no'))),
  ],
  [
    'callerError, when something else is raised',
    (c) => c.callerError('DMA-021', 'it', throwing(new CallerError('DMA-021', 'no'))),
    (c) => c.callerError('DMA-021', 'it', throwing(bugCheck(0xc4, 0x85n))),
  ],
  [
    'raises, of its status',
    (c) => c.raises(0xc000_0017, 'it', throwing(new NtStatusError(0xc000_0017, 'no'))),
    (c) => c.raises(0xc000_0017, 'it', throwing(new NtStatusError(0xc000_0018, 'no'))),
  ],
  [
    'raises, when it returns the status',
    (c) => c.raises(0xc000_0017, 'it', throwing(new NtStatusError(0xc000_0017, 'no'))),
    (c) => c.raises(0xc000_0017, 'it', () => 0xc000_0017),
  ],
  [
    'refused, with its code',
    (c) => c.refused('access-violation', 'it', throwing(new ProbarError('access-violation', 'no'))),
    (c) => c.refused('access-violation', 'it', throwing(new ProbarError('closed', 'no'))),
  ],
  [
    'refused, by an error of another kind',
    (c) => c.refused('closed', 'it', throwing(new ProbarError('closed', 'no'))),
    (c) => c.refused('closed', 'it', throwing(new TypeError('closed'))),
  ],
]

describe('a check', () => {
  it.each(methods)('lets pass what holds, and breaks the rule otherwise: %s', (_, holds, breaks) => {
    expect(() => holds(new Checks())).not.toThrow()
    expect(() => breaks(new Checks())).toThrow(RuleBroken)
  })

  it.each(methods)('is counted, passed or not: %s', (_, holds, breaks) => {
    const passed = new Checks()
    holds(passed)
    expect(passed.made).toBeGreaterThan(0)
    const failed = new Checks()
    expect(() => breaks(failed)).toThrow('it')
    expect(failed.made).toBeGreaterThan(0)
  })

  it('tells the first byte that differs, and its place', () => {
    expect(() => new Checks().bytes(bytes(1, 0xab, 9), bytes(1, 2, 3), 'the buffer')).toThrow(
      'the buffer: byte 1 is 0xab, expected 0x2',
    )
  })

  it('gives back what is present', () => {
    const thing = {}
    expect(new Checks().present(thing, 'it')).toBe(thing)
  })

  it('counts none before the first', () => {
    expect(new Checks().made).toBe(0)
  })
})
