import type { Out } from '../../../../src/ddi/constants.ts'
import type { HwRegister, IMiniportWaveRTStreamNotification } from '../../../../src/ddi/portcls/interfaces.ts'
import type { PortStreamImage } from '../../../../src/ddi/portcls/vtable-image.ts'
import type { WaveRTPin } from '../../../../src/ddi/portcls/wave-rt-pin.ts'
import type { Kernel } from '../../../../src/ddi/kernel/kernel.ts'
import type { IPortWaveRTStream } from '../../../../src/ddi/portcls/interfaces.ts'
import type { CyclicEngine, CyclicStream } from '../../../../src/engine/cyclic.ts'
import type { Plant } from '../../../../src/session/plant.ts'
import { altered } from './altered.ts'
import { Bytes, waveRT } from './broken-ddi.ts'

/** WaveRT's objects, broken: pins of the port, streams of the miniport, and the engine beneath. */

/** What openPin gives in place of the pin. */
export const pins = (alter: (pin: WaveRTPin, kernel: Kernel) => Partial<WaveRTPin>): Plant =>
  waveRT((port, kernel) => ({
    async openPin(miniport, request, out) {
      const made: Out<WaveRTPin> = {}
      const status = await port.openPin(miniport, request, made)
      if (made.value !== undefined) out.value = altered(made.value, alter(made.value, kernel))
      return status
    },
  }))

/** Every stream that a miniport makes is another miniport's: one with this defect. */
export const streams = (
  alter: (
    stream: IMiniportWaveRTStreamNotification,
    port: IPortWaveRTStream,
    kernel: Kernel,
  ) => Partial<IMiniportWaveRTStreamNotification>,
): Plant =>
  waveRT((port, kernel) => ({
    openPin: (miniport, request, out) =>
      port.openPin(
        {
          async NewStream(Stream, PortStream, ...rest) {
            const made: typeof Stream = {}
            const status = await miniport.NewStream(made, PortStream, ...rest)
            // Of Probar's miniports all have notifications.
            const stream = made.value as IMiniportWaveRTStreamNotification | undefined
            if (stream !== undefined) Stream.value = altered(stream, alter(stream, PortStream, kernel))
            return status
          },
        },
        request,
        out,
      ),
  }))

/** The structure behind an output is spoilt after the miniport has filled it. */
export const spoiltRegister =
  (kernel: Kernel, spoil: (bytes: Bytes) => void) =>
  (into: HwRegister): void =>
    spoil(new Bytes(kernel, into.address))

export const images = (alter: (image: PortStreamImage, kernel: Kernel) => Partial<PortStreamImage>): Plant =>
  waveRT((port, kernel) => ({
    imageOf: (stream) => {
      const image = port.imageOf(stream)
      return altered(image, alter(image, kernel))
    },
  }))

export const cyclic = (alter: (engine: CyclicEngine) => Partial<CyclicEngine>): Plant => ({
  cyclic: (engine) => altered(engine, alter(engine)),
})

/** Every stream of the engine has this defect. @param buffer what it was opened with */
export const cyclicStreams = (
  alter: (stream: CyclicStream, buffer: Parameters<CyclicEngine['open']>[0]) => Partial<CyclicStream>,
): Plant =>
  cyclic((engine) => ({
    async open(buffer, options) {
      const stream = await engine.open(buffer, options)
      return altered(stream, alter(stream, buffer))
    },
  }))
