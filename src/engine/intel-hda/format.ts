import { ProbarError } from '../../base/errors.ts'

/** Frames a second, channels and bits of a sample; 20 bits lie in 32, as 24 do. */
export interface StreamFormat {
  readonly rate: number
  readonly channels: number
  readonly bits: 8 | 16 | 20 | 24 | 32
}

const BITS = { 8: 0, 16: 1, 20: 2, 24: 3, 32: 4 } as const
const MAX_CHANNELS = 16
const MAX_MULTIPLE = 4
const MAX_DIVISOR = 8
const BASES = [
  { rate: 48_000, bit: 0 },
  { rate: 44_100, bit: 1 << 14 },
] as const

/**
 * The value of SDnFMT, which a converter takes as its stream format too (HDA 1.0a, sections 3.3.41 and 3.7.1).
 * @throws ProbarError range-outside when no value means the format
 */
export function encodeFormat({ rate, channels, bits }: StreamFormat): number {
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) {
    throw outside(`a stream has 1 to ${MAX_CHANNELS} channels, not ${channels}`)
  }
  const size = BITS[bits] as number | undefined
  if (size === undefined) throw outside(`a sample has 8, 16, 20, 24 or 32 bits, not ${bits}`)
  return encodeRate(rate) | (size << 4) | (channels - 1)
}

/** Bytes that one sample takes in memory (HDA 1.0a, section 3.3.41): 8 bits lie on boundaries of 16. */
export const sampleBytes = (bits: StreamFormat['bits']): number => (bits <= 16 ? 2 : 4)

/** Bytes of one frame: a sample for every channel. */
export const frameBytes = ({ channels, bits }: StreamFormat): number => channels * sampleBytes(bits)

/** Bytes that go over the link in one of its frames, 48,000 a second; the position counts such steps at least. */
export const linkFrameBytes = (format: StreamFormat): number =>
  frameBytes(format) * Math.max(1, Math.ceil(format.rate / 48_000))

/** Base rate, multiple and divisor, in the lowest terms. */
function encodeRate(rate: number): number {
  for (const base of BASES) {
    for (let multiple = 1; multiple <= MAX_MULTIPLE; multiple++) {
      for (let divisor = 1; divisor <= MAX_DIVISOR; divisor++) {
        if (base.rate * multiple === rate * divisor) return base.bit | ((multiple - 1) << 11) | ((divisor - 1) << 8)
      }
    }
  }
  throw outside(`no multiple or part of 48 kHz or 44.1 kHz is ${rate} Hz`)
}

const outside = (text: string): ProbarError => new ProbarError('range-outside', `${text}: use another sample format`)
