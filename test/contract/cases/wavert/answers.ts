import { codeOf } from '../../../../src/base/errors.ts'
import type { Out } from '../../../../src/ddi/constants.ts'
import { CallerError } from '../../../../src/ddi/kernel/ledger.ts'
import { KSSTATE, type IMiniportWaveRTStreamNotification } from '../../../../src/ddi/portcls/interfaces.ts'
import type { PinBuffer } from '../../../../src/ddi/portcls/pin-buffer.ts'
import type { WaveRTPin } from '../../../../src/ddi/portcls/wave-rt-pin.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { Bytes, waveRT } from '../plants/broken-ddi.ts'
import { pins, streams } from '../plants/broken-audio.ts'
import { laterViewsOf } from '../plants/broken-platform.ts'
import { type Defects, planted } from '../plants/defect.ts'

type Allocate = IMiniportWaveRTStreamNotification['AllocateAudioBuffer']
interface Answered {
  readonly requested: number
  readonly actual: Out<number>
  readonly offset: Out<number>
  readonly type: Out<number>
}

/** The port sees other answers than the miniport gave: it would notice nothing of those. */
const mended = (mend: (answer: Answered) => void, status?: (given: number) => number): Plant =>
  streams((stream) => {
    const AllocateAudioBuffer: Allocate = async (requested, mdl, actual, offset, type) => {
      const given = await stream.AllocateAudioBuffer(requested, mdl, actual, offset, type)
      mend({ requested, actual, offset, type })
      return status?.(given) ?? given
    }
    return { AllocateAudioBuffer }
  })

/** A client is told other statuses, or another buffer. */
const allocating = (
  instead: (pin: WaveRTPin, ...args: Parameters<WaveRTPin['allocateBuffer']>) => Promise<number>,
): Plant => pins((pin) => ({ allocateBuffer: (...args) => instead(pin, ...args) }))

/** After each buffer: what is spoilt of it. */
const spoilt = (spoil: (buffer: PinBuffer, bytes: Bytes) => void): Plant =>
  pins((pin, kernel) => ({
    async allocateBuffer(...args) {
      const status = await pin.allocateBuffer(...args)
      if (pin.buffer !== undefined) spoil(pin.buffer, new Bytes(kernel, pin.buffer.description.address))
      return status
    },
  }))

/** A byte of the client's whole view, counted from its first page. */
const left = (at: (buffer: PinBuffer) => number, byte: number): Plant =>
  pins((pin, kernel) => ({
    async allocateBuffer(...args) {
      const status = await pin.allocateBuffer(...args)
      const { buffer } = pin
      if (buffer === undefined) return status
      const page = buffer.description.get('BufferAddress') - BigInt(buffer.offset)
      kernel.in(buffer.process, () =>
        kernel.memory.write((page + BigInt(at(buffer))) as typeof buffer.description.address, Uint8Array.of(byte)),
      )
      return status
    },
  }))

/** What is refused as an error of the caller is a success. */
const tolerant = <A extends readonly unknown[]>(act: (...args: A) => Promise<number>) => {
  return async (...args: A): Promise<number> => {
    try {
      return await act(...args)
    } catch (error) {
      if (codeOf(error) !== 'caller-error') throw error
      return 0
    }
  }
}

/** What is refused by this rule is a success. */
const onlyRefusing = <A extends readonly unknown[]>(rule: string, act: (...args: A) => Promise<number>) => {
  return async (...args: A): Promise<number> => {
    try {
      return await act(...args)
    } catch (error) {
      if (!(error instanceof CallerError) || error.rule !== rule) throw error
      return 0
    }
  }
}

/** Defects for the cases of a miniport's answers. */
export const answerDefects: Defects = {
  'wavert/wrong-answers-are-noticed': [
    planted(
      'any status is taken',
      'a status that is not documented',
      mended(
        () => undefined,
        (given) => (given === 0xc000_00e5 ? 0xc000_0001 : given),
      ),
    ),
    planted(
      'any size is taken',
      'a size below the requested one',
      mended(({ requested, actual }) => (actual.value = Math.max(requested, actual.value ?? 0))),
    ),
    planted(
      'any end is taken',
      'an end behind the MDL',
      mended(({ requested, actual }) => (actual.value = Math.min(requested, actual.value ?? 0))),
    ),
    planted(
      'any offset is taken',
      'an offset of a page',
      mended(({ offset }) => (offset.value = (offset.value ?? 0) % 4096)),
    ),
    planted(
      'any caching type is taken',
      'a caching type that there is not',
      mended(({ type }) => (type.value = Math.min(2, type.value ?? 0))),
    ),
    planted(
      'any MDL is taken',
      'an MDL that is none of the port’s',
      pins((pin) => ({ allocateBuffer: onlyRefusing('WRT-013', pin.allocateBuffer.bind(pin)) })),
    ),
    planted(
      'the buffer is there all the same',
      'the buffer after a status that is not documented',
      waveRT((port) => ({
        async openPin(miniport, request, out) {
          const status = await port.openPin(miniport, request, out)
          if (out.value !== undefined) Object.defineProperty(out.value, 'buffer', { value: {} })
          return status
        },
      })),
    ),
    planted(
      'the pages are not given back',
      'frames, views and MDLs after a size below',
      streams(() => ({ FreeAudioBuffer: () => undefined })),
    ),
  ],
  'wavert/statuses-are-passed-on': [
    planted(
      'a failure is a success',
      'the status of a failure',
      allocating(async (pin, ...args) => {
        await pin.allocateBuffer(...args)
        return 0
      }),
    ),
    planted(
      'an output is set all the same',
      'outputs of a failure',
      allocating((pin, request, out = {}) => {
        out.value = undefined as never
        return pin.allocateBuffer(request, out)
      }),
    ),
    planted(
      'a buffer is there all the same',
      'the buffer after a failure',
      waveRT((port) => ({
        async openPin(miniport, request, out) {
          const status = await port.openPin(miniport, request, out)
          if (out.value !== undefined) Object.defineProperty(out.value, 'buffer', { value: {} })
          return status
        },
      })),
    ),
    planted(
      'it fails for good',
      'the status of a success',
      allocating(async (pin, ...args) => {
        const status = await pin.allocateBuffer(...args)
        return status === 0 ? 0xc000_0001 : status
      }),
    ),
    planted(
      'the size is not passed on',
      'buffers that were freed',
      streams((stream) => ({ FreeAudioBuffer: (mdl) => stream.FreeAudioBuffer(mdl, 0) })),
    ),
    planted(
      'the stream is never released',
      'releases of the stream',
      streams(() => ({ Release: () => 0 })),
    ),
  ],
  'wavert/barrier-for-write-combined': [
    planted(
      'it is told of every type but cached',
      'CallMemoryBarrier for the caching type 0',
      spoilt(({ cacheType }, bytes) => bytes.set32(12, cacheType === 1 ? 0 : 1)),
    ),
    planted(
      'it is always told',
      'CallMemoryBarrier for the caching type',
      spoilt((_, bytes) => bytes.set32(12, 1)),
    ),
    planted(
      'it is never told',
      'CallMemoryBarrier for the caching type 2',
      spoilt((_, bytes) => bytes.set32(12, 0)),
    ),
  ],
  'wavert/client-sees-its-buffer-alone': [
    planted(
      'it is mapped into the current process',
      'the buffer in another process',
      pins((pin, { processes }) => ({
        allocateBuffer: (request, out) => pin.allocateBuffer({ ...request, process: processes.current }, out),
      })),
    ),
    planted(
      'something is left before it',
      'what lies before the buffer',
      left(() => 3, 0x55),
    ),
    planted(
      'something is left behind it',
      'what lies behind the buffer',
      left(({ offset, actualSize }) => offset + actualSize, 0x55),
    ),
    planted(
      'a byte of it is cleared too',
      'the buffer',
      left(({ offset }) => offset, 0),
    ),
    planted(
      'the client sees other pages',
      'what lies before the buffer',
      laterViewsOf((pages) => pages.toReversed()),
    ),
    planted(
      'the view stays',
      'the buffer once the pin is closed',
      pins(() => ({ close: () => Promise.resolve() })),
    ),
  ],
  'wavert/one-step-at-a-time': [
    planted(
      'a skip is tolerated',
      'from STOP to 2',
      pins((pin) => ({ setState: tolerant(pin.setState.bind(pin)) })),
    ),
    planted(
      'the miniport hears of skips',
      'what the miniport heard of skips',
      pins((pin) => ({
        async setState(state) {
          if (Math.abs(state - pin.state) > 1) await pin.stream.SetState(state)
          return pin.setState(state)
        },
      })),
    ),
    planted(
      'failures are not told',
      'the status of a step that failed',
      pins((pin) => ({
        async setState(state) {
          await pin.setState(state)
          return 0
        },
      })),
    ),
    planted(
      'a step that failed counts',
      'the state after a step that failed',
      pins((pin) => {
        let told = pin.state
        return {
          get state() {
            return told
          },
          async setState(state) {
            const status = await pin.setState(state)
            told = state
            return status
          },
        }
      }),
    ),
    planted(
      'it begins in PAUSE',
      'the state of a new stream',
      pins((pin) => ({ state: KSSTATE.KSSTATE_PAUSE, close: () => pin.close() })),
    ),
    planted(
      'a pin is closed in RUN',
      'steps up, and down on close',
      pins((pin) => ({ close: () => pin.abandon() })),
    ),
  ],
  'wavert/no-position-register': [
    planted(
      'only one status is known',
      'what the client gets for 0xc0000002',
      pins((pin) => {
        let asked = 0
        return { positionRegister: (out) => (asked++ === 1 ? 0xc000_0002 : pin.positionRegister(out)) }
      }),
    ),
    planted(
      'there is always a register',
      'the first request',
      pins((pin) => {
        let asked = 0
        return { positionRegister: (out) => (asked++ === 2 ? 0xc000_00bb : pin.positionRegister(out)) }
      }),
    ),
    planted(
      'an output is set without one',
      'the output without a register',
      pins((pin) => ({
        positionRegister(out) {
          const status = pin.positionRegister(out)
          out.value ??= pin.latency() as never
          return status
        },
      })),
    ),
    planted(
      'it is given as often as one asks',
      'the second request fails',
      pins((pin) => {
        let given: Parameters<WaveRTPin['positionRegister']>[0]['value']
        return {
          positionRegister(out) {
            const status = given === undefined ? pin.positionRegister(out) : 0
            given ??= out.value
            return status
          },
        }
      }),
    ),
    planted(
      'the second request fails with its output set',
      'the output of the second request',
      pins((pin) => {
        let given: Parameters<WaveRTPin['positionRegister']>[0]['value']
        return {
          positionRegister(out) {
            if (given !== undefined) out.value = given
            const status = pin.positionRegister(out)
            given ??= out.value
            return status
          },
        }
      }),
    ),
    planted(
      'any width is taken',
      'a register of 16 bits',
      streams((stream) => ({
        GetClockRegister(into) {
          const status = stream.GetClockRegister(into)
          into.set('Width', 32)
          return status
        },
      })),
    ),
  ],
  'wavert/positions-outside-are-noticed': [
    planted(
      'any position is taken',
      'offsets 6008 and 0',
      streams((stream) => ({
        GetPosition(into) {
          const status = stream.GetPosition(into)
          for (const name of ['PlayOffset', 'WriteOffset'] as const) into.set(name, into.get(name) % 6008n)
          return status
        },
      })),
    ),
    planted(
      'the second offset is not looked at',
      'offsets 0 and 6008',
      streams((stream) => ({
        GetPosition(into) {
          const status = stream.GetPosition(into)
          into.set('WriteOffset', 0n)
          return status
        },
      })),
    ),
    planted(
      'the last byte is taken for outside',
      '6008 and 0 of 6008 bytes',
      streams((stream) => ({
        GetPosition(into) {
          const status = stream.GetPosition(into)
          if (into.get('PlayOffset') === 6007n) into.set('PlayOffset', 6008n)
          return status
        },
      })),
    ),
  ],
  'wavert/notification-counts': [
    planted(
      'no notification is one',
      'the status for a count of 0',
      pins((pin) => ({
        allocateBuffer: ({ NotificationCount: count, ...request }, out) =>
          pin.allocateBuffer({ ...request, NotificationCount: Math.max(1, count ?? 1) }, out),
      })),
    ),
    planted(
      'there are no notifications',
      'the status for a count of 1',
      pins(() => ({
        allocateBuffer: ({ NotificationCount: n = 0 }) => Promise.resolve(n === 1 ? 0xc000_00bb : 0xc000_000d),
      })),
    ),
    planted(
      'the buffer cannot be freed',
      'FreeBufferWithNotification',
      pins(() => ({ freeBuffer: () => Promise.resolve(0xc000_0010) })),
    ),
    planted(
      'it is always asked for 2',
      'counts that the miniport was asked for',
      streams((stream) => ({
        AllocateBufferWithNotification: (_, ...rest) => stream.AllocateBufferWithNotification(2, ...rest),
      })),
    ),
  ],
}
