import { describe, expect, it } from '@jest/globals'

interface Judgement {
  readonly problems: readonly string[]
  readonly frames: number
  readonly hertz: number
}
const { judgeTone } = (await import(new URL('../../../lab/acceptance/tone.mjs', import.meta.url).href)) as {
  readonly judgeTone: (wav: Buffer, buffer: Buffer, turns: number) => Judgement
}

const FRAMES = 4800
const TURNS = 4

/** Frames of two equal samples, as a buffer holds them. */
function sine(hertz: number, frames = FRAMES): Buffer {
  const bytes = Buffer.alloc(frames * 4)
  for (let frame = 0; frame < frames; frame++) {
    const sample = Math.round(16_384 * Math.sin((2 * Math.PI * hertz * frame) / 48_000))
    bytes.writeInt16LE(sample, frame * 4)
    bytes.writeInt16LE(sample, frame * 4 + 2)
  }
  return bytes
}

/** A file as recorders write it: length 0 is what one leaves that was killed. */
function wav(data: Buffer, { rate = 48_000, length = data.length } = {}): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(2, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt16LE(16, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(length, 40)
  return Buffer.concat([head, data])
}

const held = sine(440)
const turns = (count: number, buffer = held): Buffer => Buffer.concat(Array.from({ length: count }, () => buffer))
const judge = (recording: Buffer, buffer = held): Judgement => judgeTone(recording, buffer, TURNS)
/** The recording with a change at a frame. */
function changed(change: (bytes: Buffer) => Buffer): Buffer {
  return wav(change(turns(6)))
}

describe('the judge of a recorded tone', () => {
  it('finds nothing wrong with the buffer over and over, wherever it was cut off', () => {
    const { problems, hertz, frames } = judge(wav(turns(6).subarray(0, 5.3 * held.length)))
    expect([problems, Math.round(hertz)]).toEqual([[], 440])
    expect(frames).toBeGreaterThan(5 * FRAMES)
  })

  it('takes silence around the tone for none of it, and a length of 0 for a recorder that was ended', () => {
    const silence = Buffer.alloc(4 * 1000)
    const recording = wav(Buffer.concat([silence, turns(6), silence]), { length: 0 })
    expect(judge(recording).problems).toEqual([])
  })

  it('measures another tone, also where it is what the buffer held', () => {
    const other = sine(450)
    expect(judge(wav(turns(6, other)), other).problems).toEqual(['the recorded tone has 450.0 Hz, not 440'])
  })

  it.each([
    [
      'one sample that is one off',
      (bytes: Buffer) => (bytes.writeInt16LE(bytes.readInt16LE(80_002) + 1, 80_002), bytes),
    ],
    ['two pages that are swapped', (bytes: Buffer) => Buffer.concat([bytes.subarray(4096, 8192), bytes])],
    ['a frame that is missing', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 50_000), bytes.subarray(50_004)])],
    [
      'a hole of silence',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 50_000), Buffer.alloc(400), bytes.subarray(50_000)]),
    ],
    ['channels that are swapped by a sample', (bytes: Buffer) => bytes.subarray(2, bytes.length - 2)],
  ])('finds %s', (_, change) => {
    const { problems } = judge(changed(change))
    expect(problems).toEqual([
      expect.stringMatching(/^frame \d+ of \d+ was played as \(-?\d+, -?\d+\), the buffer held/),
    ])
  })

  it.each([
    ['silence', wav(Buffer.alloc(4 * 48_000)), 'the recording is 48000 frames of silence'],
    [
      'too little',
      wav(turns(3)),
      expect.stringContaining('frames were recorded, which is less than 4 times the buffer'),
    ],
    ['another rate', wav(turns(6), { rate: 44_100 }), expect.stringContaining('has the format 1,2,16,44100')],
    ['no samples', wav(turns(6)).subarray(0, 36), 'there is no recording'],
    ['no file', Buffer.alloc(0), 'there is no recording'],
  ])('refuses %s', (_, recording, problem) => {
    expect(judge(recording).problems).toEqual([problem])
  })

  it('refuses a buffer that held silence', () => {
    expect(judge(wav(turns(6)), Buffer.alloc(held.length)).problems).toContain('the buffer held silence')
  })
})
