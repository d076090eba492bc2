import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { closest, editDistance } from '../../../src/profile/suggest.ts'

const words = fc.string({ maxLength: 8 })

describe('the edit distance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['width', 'widht', 2],
    ['source', 'soure', 1],
    ['kitten', 'sitting', 3],
  ])('between %p and %p is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance)
  })

  it('is 0 for equal words only, and the same both ways', () => {
    fc.assert(
      fc.property(words, words, (one, other) => {
        expect(editDistance(one, other) === 0).toBe(one === other)
        expect(editDistance(one, other)).toBe(editDistance(other, one))
      }),
    )
  })

  it('is never longer by a detour', () => {
    fc.assert(
      fc.property(words, words, words, (from, over, to) => {
        expect(editDistance(from, to)).toBeLessThanOrEqual(editDistance(from, over) + editDistance(over, to))
      }),
    )
  })
})

describe('the closest candidate', () => {
  it('is the one with the fewest edits', () => {
    expect(closest('widht', ['offset', 'width', 'wide'])).toBe('width')
  })

  it('is none when nothing is near', () => {
    expect(closest('colour', ['offset', 'width'])).toBeUndefined()
  })
})
