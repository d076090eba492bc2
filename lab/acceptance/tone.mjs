// What QEMU recorded while examples/play-tone.ts played, held against what the buffer held and against the tone that it is
// to be. Nothing of Probar is used here.

const RATE = 48_000
const TONE = 440
const FRAME_BYTES = 4
/** PCM, channels, bits, frames a second. */
const FORMAT = `1,2,16,${RATE}`
/** Hertz that the measured tone may be off: a second of it has the crossings of 880 half periods, and one may be cut off. */
const TOLERANCE = 1

/**
 * @param wav the recording: PCM of 16 bits, two channels, 48 kHz
 * @param buffer what the cyclic buffer held
 * @param {number} turns through the buffer at least
 * @returns what is wrong, nothing when all is right; and what was measured
 */
export function judgeTone(wav, buffer, turns) {
  const { problem, data } = readWav(wav)
  if (problem !== undefined) return { problems: [problem], frames: 0, hertz: 0 }
  const [recorded, held] = [framesOf(data), framesOf(buffer)]
  const start = recorded.findIndex((frame) => frame !== 0)
  if (start < 0) return { problems: [`the recording is ${recorded.length} frames of silence`], frames: 0, hertz: 0 }
  const end = recorded.findLastIndex((frame) => frame !== 0) + 1
  const played = recorded.subarray(start, end)
  const hertz = frequencyOf(played)
  const problems = []
  if (played.length < turns * held.length) {
    problems.push(`${played.length} frames were recorded, which is less than ${turns} times the buffer`)
  }
  if (!(Math.abs(hertz - TONE) <= TOLERANCE)) problems.push(`the recorded tone has ${hertz.toFixed(1)} Hz, not ${TONE}`)
  problems.push(...differences(played, held))
  return { problems, frames: played.length, hertz }
}

/** The format and the samples. A length of 0 is what a recorder leaves that was ended at once. */
function readWav(wav) {
  const text = (at) => wav.toString('latin1', at, at + 4)
  if (wav.length < 44 || text(0) !== 'RIFF' || text(8) !== 'WAVE') return { problem: 'there is no recording' }
  let format = 'none'
  for (let at = 12; at + 8 <= wav.length;) {
    const length = wav.readUInt32LE(at + 4)
    if (text(at) === 'fmt ') {
      format = [8, 10, 22]
        .map((field) => wav.readUInt16LE(at + field))
        .concat(wav.readUInt32LE(at + 12))
        .join()
    }
    if (text(at) === 'data') {
      if (format !== FORMAT) return { problem: `the recording has the format ${format}, not ${FORMAT}` }
      const rest = wav.length - at - 8
      return { data: wav.subarray(at + 8, at + 8 + (length === 0 ? rest : Math.min(length, rest))) }
    }
    at += 8 + length
  }
  return { problem: 'the recording has no samples' }
}

/** Both samples of a frame in one number. */
function framesOf(bytes) {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % FRAME_BYTES))
  return Int32Array.from({ length: whole.length / FRAME_BYTES }, (_, index) => whole.readInt32LE(index * FRAME_BYTES))
}

/** By the upward crossings of zero in the left channel. */
function frequencyOf(frames) {
  const left = Array.from(frames, (frame) => (frame << 16) >> 16)
  const crossings = left.flatMap((sample, index) => (index > 0 && left[index - 1] < 0 && sample >= 0 ? [index] : []))
  if (crossings.length < 2) return 0
  return ((crossings.length - 1) * RATE) / (crossings.at(-1) - crossings[0])
}

/**
 * The recording is the buffer over and over, from its first frame that is not silent on. Silence between two turns would be
 * silence that the buffer does not hold: a hole in what was played.
 */
function differences(played, held) {
  const first = held.findIndex((frame) => frame !== 0)
  if (first < 0) return ['the buffer held silence']
  const wrong = played.findIndex((frame, index) => frame !== held[(first + index) % held.length])
  if (wrong < 0) return []
  const [was, wanted] = [played[wrong], held[(first + wrong) % held.length]].map(text)
  return [`frame ${wrong} of ${played.length} was played as ${was}, the buffer held ${wanted}`]
}

const text = (frame) => `(${(frame << 16) >> 16}, ${frame >> 16})`
