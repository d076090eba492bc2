import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { PAGE_SIZE, isPageAligned, pagesIn, roundUpToPages } from '../../../src/base/pages.ts'

it('counts the fewest pages that hold the bytes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (bytes) => {
      const pages = pagesIn(bytes)
      expect(pages * PAGE_SIZE).toBeGreaterThanOrEqual(bytes)
      expect((pages - 1) * PAGE_SIZE).toBeLessThan(bytes === 0 ? 1 : bytes)
      expect(roundUpToPages(bytes)).toBe(pages * PAGE_SIZE)
      expect(isPageAligned(roundUpToPages(bytes))).toBe(true)
    }),
  )
})

it.each([1, 4095, 4097, 8191])('takes %s for no page boundary', (value) => expect(isPageAligned(value)).toBe(false))
