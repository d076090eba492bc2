import { describe, expect, it } from '@jest/globals'
import { ProbarError } from '../../../../src/base/errors.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import type { Out } from '../../../../src/ddi/constants.ts'
import {
  KSSTATE,
  type IMiniportWaveRTStream,
  type IMiniportWaveRTStreamNotification,
} from '../../../../src/ddi/portcls/interfaces.ts'
import { newDataFormat } from '../../../../src/ddi/portcls/data-format.ts'
import { KEvent } from '../../../../src/ddi/kernel/event.ts'
import type { WaveRTPin } from '../../../../src/ddi/portcls/wave-rt-pin.ts'
import { WaveRTMiniport } from '../../../../src/miniport/wave-rt/miniport.ts'
import { altered } from '../../../contract/cases/plants/altered.ts'
import { FakeEngine } from '../../miniport/wave-rt/fake-engine.ts'
import { Bench } from '../bench.ts'

const { KSSTATE_ACQUIRE, KSSTATE_PAUSE, KSSTATE_RUN } = KSSTATE
const STEREO = { rate: 48_000, channels: 2, bits: 16 } as const
const REQUEST = { RequestedBufferSize: 8192 }

type Alter = (stream: IMiniportWaveRTStream) => Partial<IMiniportWaveRTStream>

/** A pin on the miniport of the package, whose stream answers otherwise in part. */
async function pinOn(bench: Bench, alter: Alter = () => ({}), engine = new FakeEngine()): Promise<WaveRTPin> {
  const { mm, dma, waveRT } = bench.ddi
  const miniport = new WaveRTMiniport({ kernel: bench.kernel, mm, dma, device: bench.device, engine })
  const pin: Out<WaveRTPin> = {}
  await waveRT.openPin(
    {
      NewStream(stream, ...rest) {
        const made: Out<IMiniportWaveRTStream> = {}
        const status = miniport.NewStream(made, ...rest)
        if (made.value !== undefined) stream.value = altered(made.value, alter(made.value))
        return status
      },
    },
    { format: STEREO },
    pin,
  )
  if (pin.value === undefined) throw new Error('no pin')
  return pin.value
}

const run = async (pin: WaveRTPin): Promise<void> => {
  for (const state of [KSSTATE_ACQUIRE, KSSTATE_PAUSE, KSSTATE_RUN]) expect(await pin.setState(state)).toBe(0)
}

/** AllocateAudioBuffer of a miniport that answers otherwise than it did. */
const answering =
  (change: (size: Out<number>, offset: Out<number>) => number): Alter =>
  (stream) => ({
    async AllocateAudioBuffer(bytes, mdl, size, offset, type) {
      await stream.AllocateAudioBuffer(bytes, mdl, size, offset, type)
      return change(size, offset)
    },
  })

describe('a WaveRT pin', () => {
  it.each([
    { rate: 0, channels: 2, bits: 16 } as const,
    { rate: Number.NaN, channels: 2, bits: 16 } as const,
    { rate: 2 ** 32, channels: 1, bits: 8 } as const,
    { rate: 2 ** 31, channels: 2, bits: 16 } as const,
    { rate: 8_000, channels: 70_000, bits: 8 } as const,
    { rate: 48_000, channels: 1.5, bits: 16 } as const,
  ])('is not opened for a format that no structure can hold: %j', async (format) => {
    await using bench = await Bench.open()
    const { mm, dma, waveRT } = bench.ddi
    const engine = new FakeEngine()
    const miniport = new WaveRTMiniport({ kernel: bench.kernel, mm, dma, device: bench.device, engine })
    const pin: Out<WaveRTPin> = {}
    expect(await waveRT.openPin(miniport, { format }, pin)).toBe(NtStatus.STATUS_INVALID_PARAMETER)
    expect(pin.value).toBeUndefined()
  })

  it('lets its miniport see one call at a time', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const pin = await pinOn(bench)
    const statuses = await Promise.all([pin.allocateBuffer(REQUEST), pin.allocateBuffer(REQUEST)])
    expect(statuses).toEqual([NtStatus.STATUS_SUCCESS, NtStatus.STATUS_INVALID_DEVICE_REQUEST])
    await pin.close()
    expect(bench.inUse).toEqual(before)
  })

  it('closes after the steps that were asked for before, and takes none afterwards', async () => {
    await using bench = await Bench.open()
    const engine = new FakeEngine()
    const pin = await pinOn(bench, undefined, engine)
    const asked = [pin.allocateBuffer(REQUEST), ...[1, 2, 3].map((state) => pin.setState(state as KSSTATE))]
    const closing = pin.close()
    const late = pin.setState(KSSTATE_ACQUIRE)
    await expect(late).rejects.toMatchObject({ rule: 'WRT-035' })
    expect(await Promise.all(asked)).toEqual([0, 0, 0, 0])
    await closing
    expect(engine.streams[0]?.calls).toEqual(['run', 'pause', 'stop', 'close'])
  })

  it('has no state beyond RUN', async () => {
    await using bench = await Bench.open()
    const pin = await pinOn(bench)
    await pin.allocateBuffer(REQUEST)
    await run(pin)
    await expect(pin.setState(4 as KSSTATE)).rejects.toMatchObject({ rule: 'WRT-035' })
    expect(pin.state).toBe(KSSTATE_RUN)
    expect(await pin.stream.SetState(4 as KSSTATE)).toBe(NtStatus.STATUS_INVALID_DEVICE_STATE)
    await pin.close()
  })

  it('has no position once it is closed', async () => {
    await using bench = await Bench.open()
    const pin = await pinOn(bench)
    await pin.close()
    expect(() => pin.position()).toThrow(expect.objectContaining({ rule: 'WRT-036' }))
  })

  it.each(['SetState', 'FreeAudioBuffer', 'Release'] as const)(
    'is closed, and gives back what is its own, when %s fails',
    async (method) => {
      await using bench = await Bench.open()
      const before = bench.inUse
      const fail = (): never => {
        throw new ProbarError('device-error', 'planted')
      }
      let broken = false
      const pin = await pinOn(bench, (stream) => {
        const sound = stream[method].bind(stream) as (...args: readonly unknown[]) => unknown
        return {
          [method]: async (...args: readonly unknown[]): Promise<unknown> => {
            if (method === 'SetState') return broken ? fail() : sound(...args)
            await sound(...args)
            return fail()
          },
        }
      })
      await pin.allocateBuffer(REQUEST)
      await run(pin)
      broken = true
      await expect(pin.close()).rejects.toHaveProperty('code', 'device-error')
      expect([bench.ddi.waveRT.pins, bench.inUse]).toEqual([0, before])
    },
  )

  it.each<readonly [string, string, Alter]>([
    ['WRT-030', 'a success that is not documented', answering(() => 0x103)],
    ['WRT-031', 'a size that is no number', answering((size) => ((size.value = NaN), 0))],
    ['WRT-031', 'half a byte', answering((size) => ((size.value = 8192.5), 0))],
    ['WRT-032', 'an offset that is no number', answering((_, offset) => ((offset.value = NaN), 0))],
  ])('breaks %s with %s, and nothing is left of it', async (rule, _, alter) => {
    await using bench = await Bench.open()
    const pin = await pinOn(bench, alter)
    const before = bench.inUse
    await expect(pin.allocateBuffer(REQUEST)).rejects.toMatchObject({ rule })
    expect([pin.buffer, bench.inUse]).toEqual([undefined, before])
    await pin.close()
  })

  it('leaves no buffer and no view where the pool has no room to tell of them', async () => {
    await using bench = await Bench.open()
    const pin = await pinOn(bench)
    const { pool } = bench.kernel
    const before = bench.inUse
    const full = { now: false }
    const allocate = pool.allocateStruct.bind(pool)
    pool.allocateStruct = (layout) => {
      if (layout.name === 'KSRTAUDIO_BUFFER' && full.now) throw new ProbarError('out-of-memory', 'planted')
      return allocate(layout)
    }
    full.now = true
    await expect(pin.allocateBuffer(REQUEST)).rejects.toHaveProperty('code', 'out-of-memory')
    expect(bench.inUse).toEqual(before)
    await pin.close()
  })

  it('unregisters what was registered when it is closed', async () => {
    await using bench = await Bench.open()
    const forgotten: KEvent[] = []
    const pin = await pinOn(bench, () => {
      const noticed: Partial<IMiniportWaveRTStreamNotification> = {
        UnregisterNotificationEvent: (event) => (forgotten.push(event), 0),
      }
      return noticed
    })
    const event = new KEvent()
    expect(pin.registerEvent(event)).toBe(0)
    await pin.close()
    expect(forgotten).toEqual([event])
  })

  it('takes a buffer back from its miniport with its own MDL only, and lets the format be while there is one', async () => {
    await using bench = await Bench.open()
    const pin = await pinOn(bench)
    await pin.allocateBuffer(REQUEST)
    const inUse = bench.inUse
    await pin.stream.FreeAudioBuffer(bench.pages(1), 8192)
    expect(bench.inUse[1]).toBe(inUse[1])
    const other = newDataFormat(bench.kernel, STEREO)
    expect(await pin.stream.SetFormat(other)).toBe(NtStatus.STATUS_INVALID_DEVICE_STATE)
    await pin.close()
  })
})
