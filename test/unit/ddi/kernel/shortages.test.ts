import { describe, expect, it } from '@jest/globals'
import { type ErrorCode, ProbarError } from '../../../../src/base/errors.ts'
import { Shortages } from '../../../../src/ddi/kernel/shortages.ts'

const shortage = (code: ErrorCode): ProbarError => new ProbarError(code, code)

describe('a shortage that is provoked', () => {
  it('is handed back with the result, and counts for nothing else', () => {
    const shortages = new Shortages()
    const error = shortage('dma-entries-exhausted')
    const { result, seen } = shortages.provoke(['dma-entries-exhausted'], () => shortages.note(error))
    expect([result, seen, shortages.first]).toEqual([true, error, undefined])
  })

  it('does not hide one of another code, one before, or one afterwards', () => {
    for (const [before, meanwhile, afterwards] of [
      ['out-of-memory', 'os-error', 'os-error'],
      ['os-error', 'out-of-memory', 'os-error'],
      ['os-error', 'os-error', 'out-of-memory'],
    ] as const) {
      const shortages = new Shortages()
      shortages.note(shortage(before))
      shortages.provoke(['dma-entries-exhausted'], () => shortages.note(shortage(meanwhile)))
      shortages.note(shortage(afterwards))
      expect(shortages.first?.code).toBe('out-of-memory')
    }
    const later = new Shortages()
    later.provoke(['out-of-memory'], () => undefined)
    later.note(shortage('out-of-memory'))
    expect(later.first?.code).toBe('out-of-memory')
  })

  it('is over when what provoked it throws', () => {
    const shortages = new Shortages()
    const failing = (): never => {
      throw new Error('failed')
    }
    expect(() => shortages.provoke(['out-of-memory'], failing)).toThrow('failed')
    shortages.note(shortage('out-of-memory'))
    expect(shortages.first?.code).toBe('out-of-memory')
  })
})
