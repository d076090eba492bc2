/**
 * Plays 440 Hz from a WaveRT buffer, through which a sound controller walks round and round by itself.
 * In a project of yours the import is from 'probar' instead of '../src/index.ts'.
 */
import { type Out, KEvent, KSSTATE, WaveRTMiniport, type WaveRTPin, openSession, va } from '../src/index.ts'

const FORMAT = { rate: 48_000, channels: 2, bits: 16 } as const
/** 100 ms: 44 periods of the tone, so that the end meets the start. */
const FRAMES = 4800
const BYTES = 4 * FRAMES
/** One step at a time, as a driver has to. */
const UP = [KSSTATE.KSSTATE_ACQUIRE, KSSTATE.KSSTATE_PAUSE, KSSTATE.KSSTATE_RUN]

type Print = (line: string) => void

/** @param turns through the buffer. Resolves with what it held. */
export async function main(device: string, print: Print = console.log, turns = 10): Promise<Uint8Array> {
  await using session = await openSession({ device })
  const { cyclic: engine, ddi, kernel, profile } = session
  if (engine === undefined) throw new Error(`the profile ${profile.name} names no engine that plays buffers`)
  const miniport = new WaveRTMiniport({ kernel, mm: ddi.mm, dma: ddi.dma, device: session.device, engine })
  const opened: Out<WaveRTPin> = {}
  check('NewStream', await ddi.waveRT.openPin(miniport, { format: FORMAT }, opened))
  const pin = present(opened.value)
  check('AllocateAudioBuffer', await pin.allocateBuffer({ RequestedBufferSize: BYTES, NotificationCount: 2 }))
  const { actualSize, description } = present(pin.buffer)
  if (actualSize !== BYTES) throw new Error(`the buffer has ${actualSize} bytes, in which the tone does not end well`)
  const address = va(description.get('BufferAddress'))
  kernel.memory.write(address, tone(440))
  const half = new KEvent()
  check('RegisterNotificationEvent', pin.registerEvent(half))
  for (const state of UP) check('SetState', await pin.setState(state))
  for (let halves = 1; halves <= 2 * turns; halves++) {
    await half.wait({ clock: session.device.clock, timeoutMs: 5000 })
    print(`half ${halves} is read, the position is ${pin.position().PlayOffset} of ${BYTES}`)
  }
  const held = kernel.memory.read(address, BYTES)
  await pin.close()
  return held
}

/** A sine at half of the full volume, the same on both channels. */
function tone(hertz: number): Uint8Array {
  const sample = (frame: number): number => Math.round(16_384 * Math.sin((2 * Math.PI * hertz * frame) / FORMAT.rate))
  return new Uint8Array(Int16Array.from({ length: 2 * FRAMES }, (_, index) => sample(index >> 1)).buffer)
}

function check(routine: string, status: number): void {
  if (status !== 0) throw new Error(`${routine} returned 0x${status.toString(16)}`)
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a success without a result')
  return value
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? 'vfio:0000:01:00.0')
