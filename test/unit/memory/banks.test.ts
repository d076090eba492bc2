import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { banksOf, placeBanks } from '../../../src/memory/banks.ts'

describe('the banks of synthetic addresses', () => {
  it.each([24, 26, 28, 32, 64])('begin where a device with %i address bits reaches', (bits) => {
    const [low] = placeBanks(4096, [], bits)
    expect(low?.firstPfn).toBe(2 ** (Math.min(bits, 28) - 1 - 12))
    expect((low?.firstPfn ?? 0) + (low?.count ?? 0)).toBeLessThanOrEqual(2 ** (bits - 12))
  })
})

describe('the banks of frames that lie where they really do', () => {
  it('are one for each stretch of adjacent pages', () => {
    expect(banksOf(Float64Array.of(512, 513, 514, 40, 41, 515))).toEqual([
      { firstIndex: 0, firstPfn: 512, count: 3 },
      { firstIndex: 3, firstPfn: 40, count: 2 },
      { firstIndex: 5, firstPfn: 515, count: 1 },
    ])
    expect(banksOf(new Float64Array())).toEqual([])
  })

  it('give each frame back its page', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 40 }), (pages) => {
        const banks = banksOf(Float64Array.from(pages))
        const told = banks.flatMap(({ firstPfn, count }) => Array.from({ length: count }, (_, i) => firstPfn + i))
        expect(told).toEqual(pages)
      }),
    )
  })
})
