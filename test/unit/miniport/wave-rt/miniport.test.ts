import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ProbarError } from '../../../../src/base/errors.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { MEMORY_CACHING_TYPE, type Out } from '../../../../src/ddi/constants.ts'
import { KEvent } from '../../../../src/ddi/kernel/event.ts'
import { MmGetMdlByteCount, MmGetMdlPfnArray } from '../../../../src/ddi/mm/mdl.ts'
import { type HwRegister, KSSTATE } from '../../../../src/ddi/portcls/interfaces.ts'
import type { WaveRTPin } from '../../../../src/ddi/portcls/wave-rt-pin.ts'
import { granularity } from '../../../../src/miniport/wave-rt/buffer.ts'
import { WaveRTMiniport } from '../../../../src/miniport/wave-rt/miniport.ts'
import { Bench } from '../../ddi/bench.ts'
import { FakeEngine, type FakeStream } from './fake-engine.ts'

const { KSSTATE_STOP, KSSTATE_ACQUIRE, KSSTATE_PAUSE, KSSTATE_RUN } = KSSTATE
const STEREO = { rate: 48_000, channels: 2, bits: 16 } as const

async function openPin(bench: Bench, engine: FakeEngine, Capture = false): Promise<WaveRTPin> {
  const { mm, dma, waveRT } = bench.ddi
  const { kernel, device } = bench
  const out: Out<WaveRTPin> = {}
  const miniport = new WaveRTMiniport({ kernel, mm, dma, device, engine })
  expect(await waveRT.openPin(miniport, { Capture, format: STEREO }, out)).toBe(0)
  if (out.value === undefined) throw new Error('no pin')
  return out.value
}

async function withBuffer(bench: Bench, engine: FakeEngine, bytes = 3 * 4096, NotificationCount?: number) {
  const pin = await openPin(bench, engine)
  const request = { RequestedBufferSize: bytes, ...(NotificationCount !== undefined && { NotificationCount }) }
  expect(await pin.allocateBuffer(request)).toBe(0)
  const stream = engine.streams.at(-1) as FakeStream
  return { pin, stream }
}

const pfns = ({ buffer }: WaveRTPin): readonly bigint[] =>
  buffer === undefined ? [] : [...MmGetMdlPfnArray(buffer.mdl)]

const steps = async (pin: WaveRTPin, ...states: readonly KSSTATE[]): Promise<void> => {
  for (const state of states) expect(await pin.setState(state)).toBe(0)
}

describe('the WaveRT miniport', () => {
  it('gives the device bus addresses of the port’s pages, and nothing is left when the pin is closed', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const engine = new FakeEngine()
    const { pin, stream } = await withBuffer(bench, engine)
    const frames = pfns(pin).map((pfn) => pfn << 12n)
    const buses = [...stream.buffer.segments].map(({ bus }): bigint => bus)
    expect(buses.some((bus) => frames.includes(bus))).toBe(false)
    expect([stream.size, stream.buffer.direction, stream.calls]).toEqual([3 * 4096, 'output', []])
    await pin.close()
    expect(bench.inUse).toEqual(before)
    expect(stream.calls).toEqual(['close'])
  })

  it('moves the device on the way to RUN and back only', async () => {
    await using bench = await Bench.open()
    const { pin, stream } = await withBuffer(bench, new FakeEngine())
    await steps(pin, KSSTATE_ACQUIRE, KSSTATE_PAUSE)
    expect(stream.calls).toEqual([])
    await steps(pin, KSSTATE_RUN, KSSTATE_PAUSE, KSSTATE_ACQUIRE)
    expect(stream.calls).toEqual(['run', 'pause'])
    await steps(pin, KSSTATE_STOP)
    expect(stream.calls).toEqual(['run', 'pause', 'stop'])
    await pin.close()
  })

  it('refuses a state that is no neighbour, and RUN without a buffer', async () => {
    await using bench = await Bench.open()
    const pin = await openPin(bench, new FakeEngine())
    expect(await pin.stream.SetState(KSSTATE_RUN)).toBe(NtStatus.STATUS_INVALID_DEVICE_STATE)
    await steps(pin, KSSTATE_ACQUIRE, KSSTATE_PAUSE)
    expect(await pin.setState(KSSTATE_RUN)).toBe(NtStatus.STATUS_INVALID_DEVICE_STATE)
    expect(pin.state).toBe(KSSTATE_PAUSE)
    await pin.close()
  })

  it('sets the events once for each interrupt, late ones included, and not in PAUSE', async () => {
    await using bench = await Bench.open()
    const { pin, stream } = await withBuffer(bench, new FakeEngine(), 4096, 2)
    expect(stream.buffer.notifyAt).toEqual([2048, 4096])
    const event = new KEvent()
    expect(pin.registerEvent(event)).toBe(0)
    await steps(pin, KSSTATE_ACQUIRE, KSSTATE_PAUSE, KSSTATE_RUN)
    stream.announce()
    await event.wait({ clock: bench.device.clock, timeoutMs: 1000 })
    stream.announce()
    stream.announce()
    await steps(pin, KSSTATE_PAUSE)
    expect(event.timesSet).toBe(3)
    stream.announce()
    await steps(pin, KSSTATE_RUN, KSSTATE_PAUSE)
    expect(event.timesSet).toBe(3)
    expect(pin.unregisterEvent(event)).toBe(0)
    expect(pin.unregisterEvent(event)).toBe(NtStatus.STATUS_INVALID_PARAMETER)
    await pin.close()
  })

  it('sets no event for a device that would not run', async () => {
    await using bench = await Bench.open()
    const { pin, stream } = await withBuffer(bench, new FakeEngine(), 2 * 4096, 2)
    const event = new KEvent()
    expect(pin.registerEvent(event)).toBe(0)
    await steps(pin, KSSTATE_ACQUIRE, KSSTATE_PAUSE)
    stream.run = () => Promise.reject(new ProbarError('timeout', 'planted'))
    await expect(pin.setState(KSSTATE_RUN)).rejects.toHaveProperty('code', 'timeout')
    stream.announce()
    await new Promise(setImmediate)
    expect([pin.state, event.timesSet]).toEqual([KSSTATE_PAUSE, 0])
    await pin.close()
  })

  it('maps the position register for the client, and unmaps it with the pin', async () => {
    await using bench = await Bench.open()
    const before = bench.inUse
    const { pin } = await withBuffer(bench, new FakeEngine())
    const out: Out<HwRegister> = {}
    expect(pin.positionRegister(out)).toBe(0)
    expect([out.value?.get('Width'), out.value?.get('Accuracy')]).toEqual([32, 16])
    expect(pin.clockRegister({})).toBe(NtStatus.STATUS_NOT_SUPPORTED)
    await pin.close()
    expect(bench.inUse).toEqual(before)
  })

  it.each([
    ['out-of-memory', NtStatus.STATUS_INSUFFICIENT_RESOURCES],
    ['capability-missing', NtStatus.STATUS_UNSUCCESSFUL],
    ['range-outside', NtStatus.STATUS_UNSUCCESSFUL],
  ] as const)('answers for an engine that fails with %s, and leaves nothing', async (code, status) => {
    await using bench = await Bench.open()
    const engine = new FakeEngine()
    const pin = await openPin(bench, engine)
    const before = bench.inUse
    engine.failure = new ProbarError(code, 'planted')
    expect(await pin.allocateBuffer({ RequestedBufferSize: 4096 })).toBe(status)
    expect(bench.inUse).toEqual(before)
    await pin.close()
  })

  it('passes on what a device failed with, and leaves nothing', async () => {
    await using bench = await Bench.open()
    const engine = new FakeEngine()
    const pin = await openPin(bench, engine)
    const before = bench.inUse
    engine.failure = new ProbarError('device-gone', 'planted')
    await expect(pin.allocateBuffer({ RequestedBufferSize: 4096 })).rejects.toMatchObject({ code: 'device-gone' })
    expect(bench.inUse).toEqual(before)
    await pin.close()
  })

  it('takes adjacent pages for a device with a short list, or none', async () => {
    await using bench = await Bench.open()
    const { pin } = await withBuffer(bench, new FakeEngine({ listLength: 1 }), 2 * 4096)
    const [first = 0n, second] = pfns(pin)
    expect(second).toBe(first + 1n)
    await pin.close()
    const none = await openPin(bench, new FakeEngine({ listLength: 0 }))
    expect(await none.allocateBuffer({ RequestedBufferSize: 4096 })).toBe(NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    await none.close()
  })

  it('has no stream for a direction that the device does not have', async () => {
    await using bench = await Bench.open()
    const { kernel, device } = bench
    const { mm, dma, waveRT } = bench.ddi
    const before = bench.inUse
    const miniport = new WaveRTMiniport({ kernel, mm, dma, device, engine: new FakeEngine({ directions: ['output'] }) })
    const status = await waveRT.openPin(miniport, { Capture: true, format: STEREO }, {})
    expect([status, bench.inUse]).toEqual([NtStatus.STATUS_NOT_SUPPORTED, before])
  })

  it.each([
    [1, undefined, 256],
    [257, 1, 384],
    [257, 2, 512],
  ])('asked for %d bytes, announced %s times a turn, gives %d, which the device takes', async (bytes, count, size) => {
    await using bench = await Bench.open()
    const { pin, stream } = await withBuffer(bench, new FakeEngine({ smallest: 256 }), bytes, count)
    expect([pin.buffer?.actualSize, stream.size]).toEqual([size, size])
    await pin.close()
  })

  it('rounds any size up to whole frames within the MDL, whatever the device demands', async () => {
    await using bench = await Bench.open()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40_000 }),
        fc.constantFrom(1, 4, 128, 4096),
        async (bytes, alignment) => {
          const { pin, stream } = await withBuffer(bench, new FakeEngine({ alignment }), bytes, 2)
          const { actualSize = 0, mdl } = pin.buffer ?? {}
          expect(actualSize).toBeGreaterThanOrEqual(bytes)
          expect([actualSize % 4, actualSize % (2 * alignment), stream.size]).toEqual([0, 0, actualSize])
          expect(mdl && MmGetMdlByteCount(mdl)).toBeGreaterThanOrEqual(actualSize)
          expect(pin.buffer?.cacheType).toBe(MEMORY_CACHING_TYPE.MmCached)
          await pin.close()
        },
      ),
      { numRuns: 25 },
    )
  })
})

it('a granularity is the least that both frame and device divide', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 1, max: 64 }), (alignment, frame) => {
      const step = granularity(alignment, frame)
      expect([step % alignment, step % frame]).toEqual([0, 0])
      for (let less = alignment; less < step; less += alignment) expect(less % frame).not.toBe(0)
    }),
  )
})
