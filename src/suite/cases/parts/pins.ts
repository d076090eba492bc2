import { sleep } from '../../../base/clock.ts'
import { va } from '../../../base/address.ts'
import type { Out } from '../../../ddi/constants.ts'
import { type HwRegister, type IMiniportWaveRT, KSSTATE } from '../../../ddi/portcls/interfaces.ts'
import type { PinBuffer } from '../../../ddi/portcls/pin-buffer.ts'
import type { WaveRTPin } from '../../../ddi/portcls/wave-rt-pin.ts'
import type { CyclicEngine, CyclicStream } from '../../../engine/cyclic.ts'
import { WaveRTMiniport } from '../../../miniport/wave-rt/miniport.ts'
import type { Context } from '../../context.ts'
import { STEREO } from './scripted-miniport.ts'

/** Pins on a miniport with a device behind it, and how to wait for what the device does. */

/** The miniport under test; for a device that walks through buffers by itself. */
export type MiniportOf = (context: Context, engine: CyclicEngine) => IMiniportWaveRT

/** Probar's own. */
export const referenceMiniport: MiniportOf = ({ kernel, ddi: { mm, dma }, device }, engine) =>
  new WaveRTMiniport({ kernel, mm, dma, device, engine })

export const { KSSTATE_STOP, KSSTATE_ACQUIRE, KSSTATE_PAUSE, KSSTATE_RUN } = KSSTATE

/** What no device records where it is known what it does: counters end at 250, silence is 0. */
export const POISON = 0xff

/** Bytes a second of STEREO. */
export const BYTE_RATE = (STEREO.rate * STEREO.channels * STEREO.bits) / 8

/** Milliseconds on the device's clock that something may take; nothing is measured by it. */
const PATIENCE_MS = 5000

export interface OpenPin {
  readonly pin: WaveRTPin
  readonly buffer: PinBuffer
  /** All bytes of the buffer, as the client sees them. */
  readonly read: () => Uint8Array
  readonly fill: (byte: number) => void
}

export interface PinOptions {
  readonly capture: boolean
  readonly bytes: number
  readonly notifications?: number
  /** In place of the context's. */
  readonly engine?: CyclicEngine
}

/** Recording where the device can: what it does shows in memory then. */
export const records = ({ cyclic }: Context): boolean => cyclic.abilities.directions.includes('input')

/** A pin with a buffer, in STOP. */
export async function openPin(context: Context, miniport: MiniportOf, options: PinOptions): Promise<OpenPin> {
  const { check, ddi, kernel } = context
  const out: Out<WaveRTPin> = {}
  const request = { Capture: options.capture, format: STEREO }
  check.equal(
    await ddi.waveRT.openPin(miniport(context, options.engine ?? context.cyclic), request, out),
    0,
    'NewStream',
  )
  const pin = check.present(out.value, 'a pin')
  const { bytes, notifications } = options
  const asked = {
    RequestedBufferSize: bytes,
    ...(notifications !== undefined && { NotificationCount: notifications }),
  }
  check.equal(await pin.allocateBuffer(asked), 0, 'AllocateAudioBuffer')
  const buffer = check.present(pin.buffer, 'a buffer')
  const address = va(buffer.description.get('BufferAddress'))
  return {
    pin,
    buffer,
    read: () => kernel.memory.read(address, buffer.actualSize),
    fill: (byte) => kernel.memory.fill(address, buffer.actualSize, byte),
  }
}

/** The engine, which keeps the stream that was opened last: only it can say what the device received. */
export function keepingStream(engine: CyclicEngine): {
  readonly engine: CyclicEngine
  readonly stream: () => CyclicStream | undefined
} {
  let last: CyclicStream | undefined
  const close = (): void => engine.close()
  return {
    engine: {
      name: engine.name,
      abilities: engine.abilities,
      open: async (...args) => (last = await engine.open(...args)),
      close,
      [Symbol.dispose]: close,
    },
    stream: () => last,
  }
}

/** What an asynchronous call fails with, thrown by the result: for `check.callerError` and its like. */
export async function failing(act: Promise<unknown>): Promise<() => void> {
  const error = await act.then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  )
  return () => {
    if (error !== undefined) throw error.reason
  }
}

/** Step by step. */
export async function stepTo({ check }: Context, pin: WaveRTPin, state: KSSTATE): Promise<void> {
  while (pin.state !== state) {
    const next = (pin.state + Math.sign(state - pin.state)) as KSSTATE
    check.equal(await pin.setState(next), 0, `SetState ${next}`)
    check.equal(pin.state, next, `the state after SetState ${next}`)
  }
}

/** One load of the register's width, as a client makes it. */
export function loadRegister({ ddi }: Context, register: HwRegister): number {
  const address = va(register.get('Register'))
  const wide = register.get('Width') === 64
  return wide ? Number(ddi.registers.READ_REGISTER_ULONG64(address)) : ddi.registers.READ_REGISTER_ULONG(address)
}

/** Lets time pass on the device's clock. */
export const pass = ({ device, signal }: Context, ms: number): Promise<void> => sleep(device.clock, ms, signal)

/** Until something holds, looked at again and again. */
export async function until(context: Context, what: string, holds: () => boolean): Promise<void> {
  const { check, device } = context
  const end = device.clock.now() + PATIENCE_MS
  while (!holds()) {
    check.ok(device.clock.now() < end, `${what}, within ${PATIENCE_MS} ms`)
    await pass(context, 1)
  }
}

/** Bytes from the buffer's start on up to the last one that is not poison. */
export function overwritten(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== POISON) + 1
}

/** Of a buffer of `size` bytes: how far `to` is ahead of `from`, round its end. */
export const ahead = (from: number, to: number, size: number): number => (to - from + size) % size
