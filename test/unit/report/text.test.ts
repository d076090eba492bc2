import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { binarySize, counted, duration, shorten, wrap } from '../../../src/report/text.ts'

describe('wrapping', () => {
  const indent = { first: '- ', rest: '  ' }

  it('breaks at spaces and indents what follows', () => {
    expect(wrap('one two three four', 12, indent)).toEqual(['- one two', '  three four'])
  })

  it('cuts a word that is longer than a line', () => {
    expect(wrap('abcdefghijklmno', 12, indent)).toEqual(['- abcdefghij', '  klmno'])
  })

  it('keeps the lines of the text', () => {
    expect(wrap('one\r\ntwo', 80, indent)).toEqual(['- one', '  two'])
  })

  it('loses no letter', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab \n') }),
        fc.integer({ min: 12, max: 40 }),
        (text, columns) => {
          const letters = (some: string): string => some.replaceAll(/\s/g, '')
          expect(letters(wrap(text, columns, { first: '', rest: '' }).join(''))).toBe(letters(text))
        },
      ),
    )
  })
})

describe('shortening', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['a\nb', 3, 'a b'],
    ['abc', 0, '…'],
  ])('%j to %i columns gives %j', (text, columns, shortened) => {
    expect(shorten(text, columns)).toBe(shortened)
  })
})

describe('sizes', () => {
  it.each([
    [0, '0 bytes'],
    [32, '32 bytes'],
    [1023, '1023 bytes'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [2 ** 20, '1 MiB'],
    [2 ** 38, '256 GiB'],
    [2 ** 62, '4 EiB'],
  ])('%i is %s', (bytes, text) => expect(binarySize(bytes)).toBe(text))
})

describe('durations', () => {
  it.each([
    [0, '< 1 ms'],
    [1, '1 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [59_949, '59.9 s'],
    [59_951, '1 min 0 s'],
    [125_000, '2 min 5 s'],
  ])('of %d ms are %j', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})

describe('counts', () => {
  it.each([
    [0, '0 passes'],
    [1, '1 pass'],
    [2, '2 passes'],
  ])('of %i are %j', (count, text) => {
    expect(counted(count, 'pass', 'passes')).toBe(text)
  })
})
