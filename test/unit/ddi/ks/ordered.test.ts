import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Ordered } from '../../../../src/ddi/ks/queue/ordered.ts'

describe('what is ordered', () => {
  it('is found and goes as in a plain list, whatever went before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(40))), (steps) => {
        const ordered = new Ordered<{ number: number }>()
        let plain: { number: number }[] = []
        let next = 0
        for (const [step, number] of steps) {
          const item = plain.find((one) => one.number === number) ?? { number }
          if (step === 0) {
            ordered.remove(item)
            plain = plain.filter((one) => one !== item)
          } else {
            const added = { number: next++ }
            ordered.add(added)
            plain.push(added)
          }
          expect([...ordered]).toEqual(plain)
          expect(ordered.from(number)).toBe(plain.find((one) => one.number >= number))
        }
        expect(ordered.size).toBe(plain.length)
        expect(ordered.from(Number.POSITIVE_INFINITY)).toBeUndefined()
      }),
    )
  })

  it('does not lose one for another of the same number', () => {
    const ordered = new Ordered<{ number: number }>()
    ordered.add({ number: 1 })
    ordered.remove({ number: 1 })
    expect(ordered.size).toBe(1)
  })
})
