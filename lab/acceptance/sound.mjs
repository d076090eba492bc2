// Sound controllers: their engine in the guest, and outside what QEMU recorded of the tone that was played there.
import { readFileSync } from 'node:fs'
import { jestLine } from './contract.mjs'
import { judgeTone } from './tone.mjs'

/** One with a recorder that gives silence, and one whose output is recorded. */
export const SOUND_DEVICES = 'qemu-intel-hda,qemu-intel-hda-wav'
const RECORDING = 'lab2-sound.wav'
const BUFFER = 'tone.buffer'
/** Ten are played; what lies in QEMU's own buffers when the stream stops is never recorded. */
const TURNS = 9

export const soundSteps = (backend) => ({
  [`sound-${backend}`]: `env PROBAR_SOUND=${backend} ${jestLine('sound')}`,
})

/** @param guest as runGuest gives it */
export function judgeSound(backend, guest, expect) {
  const step = `sound-${backend}`
  const status = guest.status(step)
  expect(status === 0, `${step}: the tests of sound controllers ended with ${status}`)
  if (status !== 0) return
  const [recording, buffer] = [RECORDING, BUFFER].map((file) => readFileSync(guest.path(file)))
  const { problems, frames, hertz } = judgeTone(recording, buffer, TURNS)
  for (const problem of problems) expect(false, `${step}: ${problem}`)
  process.stdout.write(`${step}: ${frames} frames of ${hertz.toFixed(1)} Hz were recorded\n`)
}
