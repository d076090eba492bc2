import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { allCases } from '../../../src/suite/all-cases.ts'
import { type Case, defineSuite, suiteOf } from '../../../src/suite/case.ts'
import { type Selection, selectCases } from '../../../src/suite/select.ts'
import { caseOf } from './bench.ts'

const cases = [
  caseOf({ id: 'a/one', rules: ['MDL-001'] }),
  caseOf({ id: 'a/two.x', rules: ['MDL-001', 'DMA-001'] }),
  caseOf({ id: 'b/one', rules: ['DMA-001'] }),
  caseOf({ id: 'b/a-one-more', rules: [] }),
]

const ids = (selection: Selection, from: readonly Case[] = cases) => selectCases(from, selection).map(({ id }) => id)

describe('selecting cases', () => {
  it('takes all without a filter, in their order', () => {
    expect(ids({})).toEqual(['a/one', 'a/two.x', 'b/one', 'b/a-one-more'])
  })

  it('takes a suite by its name, not by a part of it', () => {
    expect(ids({ suites: ['b'] })).toEqual(['b/one', 'b/a-one-more'])
    expect(() => ids({ suites: ['a/'] })).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  it('takes the cases of any of several rules', () => {
    expect(ids({ rules: ['MDL-001', 'DMA-001'] })).toEqual(['a/one', 'a/two.x', 'b/one'])
  })

  it('takes the cases of every clause of a rule, or of one', () => {
    const of = (id: string, rule: string) => caseOf({ id, rules: [rule] })
    const clauses = [of('a/one', 'VER-012/0xB4'), of('a/two', 'VER-012/0xB5'), of('a/three', 'VER-0120')]
    expect(ids({ rules: ['VER-012'] }, clauses)).toEqual(['a/one', 'a/two'])
    expect(ids({ rules: ['VER-012/0xB5'] }, clauses)).toEqual(['a/two'])
  })

  it('lets every kind of filter decide', () => {
    expect(ids({ suites: ['a'], rules: ['DMA-001'], globs: ['*'] })).toEqual(['a/two.x'])
  })

  it.each([
    ['a/*', ['a/one', 'a/two.x']],
    ['*one', ['a/one', 'b/one']],
    ['*one*', ['a/one', 'b/one', 'b/a-one-more']],
    ['b/one', ['b/one']],
    ['a/two.*', ['a/two.x']],
  ])('takes the cases that %s matches whole', (glob, expected) => {
    expect(ids({ globs: [glob] })).toEqual(expected)
  })

  it('takes no character of a pattern but * for more than itself', () => {
    for (const glob of ['a/one?', 'a/tw.\\.x', 'a/two+x', '(a/one)', 'a/on[e]', 'a|b']) {
      expect(() => ids({ globs: [glob] })).toThrow(expect.objectContaining({ code: 'usage' }))
    }
    expect(() => ids({ globs: ['a/twoxx'] })).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  it.each([
    ['suite', { suites: ['a', 'c'] }],
    ['rule', { rules: ['MDL-001', 'MDL-999'] }],
    ['case', { globs: ['a/*', 'c/*'] }],
  ])('refuses a %s that no case has', (kind, selection) => {
    expect(() => ids(selection)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(kind) }),
    )
  })

  it('puts every case into exactly one shard, in order, and shards differ by one case at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), fc.nat(70), (count, length) => {
        const some = Array.from({ length }, (_, i) => caseOf({ id: `a/${i}` }))
        const shards = Array.from({ length: count }, (_, i) => ids({ shard: { index: i + 1, count } }, some))
        expect(shards.flat().toSorted()).toEqual(some.map(({ id }) => id).toSorted())
        const sizes = shards.map((shard) => shard.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        for (const shard of shards) {
          expect(shard).toEqual(shard.toSorted((one, other) => Number(one.slice(2)) - Number(other.slice(2))))
        }
      }),
    )
  })
})

describe('defining a suite', () => {
  it('refuses a case of another suite and one that is there twice', () => {
    expect(() => defineSuite('a', cases)).toThrow(RangeError)
    expect(() => defineSuite('a', [caseOf({ id: 'a/one' }), caseOf({ id: 'a/one' })])).toThrow(RangeError)
    expect(defineSuite('a', cases.slice(0, 2))).toHaveLength(2)
  })

  it('has given every case of Probar an id of its own, and a suite', () => {
    expect(new Set(allCases.map(({ id }) => id)).size).toBe(allCases.length)
    expect([...new Set(allCases.map(suiteOf))]).toEqual(['mdl', 'dma', 'ks', 'wavert', 'dxgk'])
  })
})
