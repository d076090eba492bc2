import { describe, expect, it } from '@jest/globals'
import { encodeFormat, frameBytes, linkFrameBytes } from '../../../../src/engine/intel-hda/format.ts'

/** From the fields of SDnFMT, HDA 1.0a, section 3.3.41: BASE 14, MULT 13:11, DIV 10:8, BITS 6:4, CHAN 3:0. */
const vectors = [
  [{ rate: 48_000, channels: 2, bits: 16 }, 0x0011],
  [{ rate: 44_100, channels: 2, bits: 16 }, 0x4011],
  [{ rate: 8_000, channels: 1, bits: 8 }, 0x0500],
  [{ rate: 11_025, channels: 1, bits: 8 }, 0x4300],
  [{ rate: 16_000, channels: 2, bits: 16 }, 0x0211],
  [{ rate: 22_050, channels: 2, bits: 20 }, 0x4121],
  [{ rate: 32_000, channels: 2, bits: 16 }, 0x0a11],
  [{ rate: 88_200, channels: 2, bits: 24 }, 0x4831],
  [{ rate: 96_000, channels: 8, bits: 24 }, 0x0837],
  [{ rate: 144_000, channels: 2, bits: 32 }, 0x1041],
  [{ rate: 176_400, channels: 2, bits: 24 }, 0x5831],
  [{ rate: 192_000, channels: 16, bits: 32 }, 0x184f],
  [{ rate: 6_000, channels: 1, bits: 16 }, 0x0710],
] as const

describe('the value of SDnFMT', () => {
  it.each(vectors)('of %j', (format, value) => {
    expect(encodeFormat(format)).toBe(value)
  })

  it.each([
    { rate: 50_000, channels: 2, bits: 16 },
    { rate: 0, channels: 2, bits: 16 },
    { rate: 48_000, channels: 0, bits: 16 },
    { rate: 48_000, channels: 17, bits: 16 },
    { rate: 48_000, channels: 1.5, bits: 16 },
  ] as const)('says nothing of %j', (format) => {
    expect(() => encodeFormat(format)).toThrow(expect.objectContaining({ code: 'range-outside' }))
  })
})

describe('bytes', () => {
  it('of a frame: 24 bits lie in 32', () => {
    expect(frameBytes({ rate: 48_000, channels: 2, bits: 16 })).toBe(4)
    expect(frameBytes({ rate: 48_000, channels: 6, bits: 24 })).toBe(24)
  })

  it('of a frame of the link: several frames of sound at more than 48 kHz', () => {
    expect(linkFrameBytes({ rate: 44_100, channels: 2, bits: 16 })).toBe(4)
    expect(linkFrameBytes({ rate: 176_400, channels: 2, bits: 16 })).toBe(16)
  })
})
