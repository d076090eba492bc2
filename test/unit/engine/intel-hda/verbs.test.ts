import { describe, expect, it } from '@jest/globals'
import { encodeVerb, expandConnections } from '../../../../src/engine/intel-hda/codec/verbs.ts'

describe('a command', () => {
  it.each([
    // codec 0, root, parameter 0: vendor
    [{ codec: 0, node: 0, verb: 0xf00, payload: 0 }, 0x000f_0000],
    [{ codec: 2, node: 0x14, verb: 0x707, payload: 0xc0 }, 0x2147_07c0],
    [{ codec: 14, node: 0x7f, verb: 0x2, payload: 0x4011 }, 0xe7f2_4011],
    [{ codec: 0, node: 3, verb: 0x3, payload: 0xb04a }, 0x0033_b04a],
  ])('%j', (verb, value) => {
    expect(encodeVerb(verb)).toBe(value)
  })

  it.each([
    { codec: 15, node: 0, verb: 0xf00, payload: 0 },
    { codec: 0, node: 0x80, verb: 0xf00, payload: 0 },
    { codec: 0, node: 0, verb: 0xf00, payload: 0x100 },
    { codec: 0, node: 0, verb: 0x2, payload: 0x1_0000 },
    { codec: 0, node: 0, verb: 0x1000, payload: 0 },
  ])('does not hold %j', (verb) => {
    expect(() => encodeVerb(verb)).toThrow(RangeError)
  })
})

describe('a list of connections', () => {
  it('names nodes, and ranges by their ends', () => {
    expect(expandConnections([0x02, 0x05, 0x88, 0x10], false)).toEqual([2, 5, 6, 7, 8, 16])
    expect(expandConnections([0x0002, 0x8005, 0x0081], true)).toEqual([2, 3, 4, 5, 0x81])
  })
})
