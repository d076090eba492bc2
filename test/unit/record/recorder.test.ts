import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CaseTrace } from '../../../src/record/recorder.ts'
import { runRecordSchema, witnesses } from '../../../src/record/schema.ts'
import { exampleCase, exampleRecord } from './example.ts'

const still = (): number => 0

describe('the trace of a case', () => {
  it('starts with the weakest witness and no operation', () => {
    const trace = new CaseTrace(still)
    expect(trace.witness).toBe('model')
    expect(trace.evidence()).toEqual({ ops: [] })
  })

  it('has the strongest witness of its operations, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...witnesses), { minLength: 1 }), (seen) => {
        const trace = new CaseTrace(still)
        for (const by of seen) trace.record('op', by, {})
        const strongest = seen.includes('device') ? 'device' : seen.includes('kernel') ? 'kernel' : 'model'
        expect(trace.witness).toBe(strongest)
      }),
    )
  })

  it('remembers a witness whose operation was dropped', () => {
    const trace = new CaseTrace(still)
    for (let n = 0; n < 1000; n++) trace.record('op', n === 70 ? 'device' : 'model', { n })
    expect(trace.evidence().ops.some(({ args }) => args['n'] === 70)).toBe(false)
    expect(trace.witness).toBe('device')
  })

  it('keeps the first 64 and the last 192 operations in order and counts the others', () => {
    fc.assert(
      fc.property(fc.nat({ max: 900 }), (count) => {
        const trace = new CaseTrace(still)
        for (let n = 0; n < count; n++) trace.record('op', 'model', { n })
        const all = Array.from({ length: count }, (_, n) => n)
        const kept = all.filter((n) => n < 64 || n >= count - 192)
        const { ops, dropped = 0 } = trace.evidence()
        expect(ops.map(({ args }) => args['n'])).toEqual(kept)
        expect(dropped).toBe(count - kept.length)
        expect(trace.count).toBe(count)
      }),
    )
  })

  it('does not change evidence that was taken before', () => {
    const trace = new CaseTrace(still)
    trace.record('first', 'model', {})
    const taken = trace.evidence()
    trace.record('second', 'model', {})
    expect(taken.ops.map(({ op }) => op)).toEqual(['first'])
  })

  it('records milliseconds since the case began', () => {
    const times = [100, 100.5, 103]
    const trace = new CaseTrace(() => times.shift() ?? 0)
    trace.record('early', 'model', {})
    trace.record('late', 'model', {})
    expect(trace.evidence().ops.map(({ t }) => t)).toEqual([0.5, 3])
  })

  it('writes 64-bit values in hexadecimal and leaves out what is undefined', () => {
    const trace = new CaseTrace(still)
    trace.record('map', 'kernel', { bus: 0xffff_ffff_ffff_ffffn, placement: undefined, bytes: 4096 }, 0n)
    trace.record('unmap', 'kernel', {})
    expect(trace.evidence().ops).toEqual([
      { t: 0, op: 'map', args: { bus: '0xffffffffffffffff', bytes: 4096 }, result: '0x0' },
      { t: 0, op: 'unmap', args: {} },
    ])
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('writes %d, which JSON lacks, as text', (value) => {
    const trace = new CaseTrace(still)
    trace.record('measure', 'model', { value })
    expect(trace.evidence().ops[0]?.args).toEqual({ value: String(value) })
  })

  it('counts what is repeated in a row as one entry, and only that', () => {
    const trace = new CaseTrace(still)
    for (const result of [1n, 1n, 1n, 0n, 1n]) trace.record('read', 'model', { offset: 8 }, result)
    trace.record('read', 'model', { offset: 4 }, 1n)
    const { ops } = trace.evidence()
    expect(ops.map(({ result, times }) => [result, times])).toEqual([
      ['0x1', 3],
      ['0x0', undefined],
      ['0x1', undefined],
      ['0x1', undefined],
    ])
  })

  it('loses nothing to a long poll', () => {
    const trace = new CaseTrace(still)
    for (let n = 0; n < 63; n++) trace.record(`before ${n}`, 'model', {})
    for (let n = 0; n < 10_000; n++) trace.record('read', 'model', {}, 1)
    for (let n = 0; n < 192; n++) trace.record(`after ${n}`, 'model', {})
    expect(trace.evidence()).toMatchObject({ ops: { length: 64 + 192 } })
    expect(trace.evidence().dropped).toBeUndefined()
    expect(trace.evidence().ops[63]?.times).toBe(10_000)
  })

  it('cuts a long text and says how long it was', () => {
    const trace = new CaseTrace(still)
    trace.record('read', 'device', {}, 'ab'.repeat(4096))
    const [operation] = trace.evidence().ops
    expect(String(operation?.result)).toMatch(/^(ab){256}… \(8192 characters\)$/)
  })

  it('gives evidence that the record accepts and JSON keeps, whatever was recorded', () => {
    const value = fc.oneof(fc.bigInt(), fc.double(), fc.string(), fc.boolean(), fc.constant(undefined))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.dictionary(fc.string(), value), value)), (operations) => {
        const trace = new CaseTrace(still)
        operations.forEach(([args, result], n) => trace.record(`op${n}`, 'model', args, result))
        const record = exampleRecord([exampleCase({ evidence: trace.evidence() })])
        const kept: unknown = JSON.parse(JSON.stringify(record))
        expect(runRecordSchema.parse(kept).cases[0]?.evidence?.ops).toHaveLength(operations.length)
      }),
    )
  })
})
