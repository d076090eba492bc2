import { NT_SUCCESS, NtStatus } from '../../base/ntstatus.ts'
import { KIRQL, type Out } from '../constants.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Mm } from '../mm/mm.ts'
import { type WaveFormat, isWaveFormat, newDataFormat } from './data-format.ts'
import type { IMiniportWaveRT, IMiniportWaveRTStream } from './interfaces.ts'
import { PortWaveRTStream } from './port-wave-rt-stream.ts'
import { type ImagedPort, PortStreamImage } from './vtable-image.ts'
import {
  IMINIPORT_WAVE_RT_STREAM,
  IMINIPORT_WAVE_RT_STREAM_NOTIFICATION,
  IPORT_WAVE_RT_STREAM,
  type Method,
} from './vtables.ts'
import { WaveRTPin } from './wave-rt-pin.ts'

export interface PinRequest {
  /** Number of the pin, which the miniport gets. */
  readonly Pin?: number
  /** The device records; it plays unless told. */
  readonly Capture?: boolean
  readonly format: WaveFormat
}

const INTERFACES = {
  IPortWaveRTStream: IPORT_WAVE_RT_STREAM,
  IMiniportWaveRTStream: IMINIPORT_WAVE_RT_STREAM,
  IMiniportWaveRTStreamNotification: IMINIPORT_WAVE_RT_STREAM_NOTIFICATION,
} as const
export type InterfaceName = keyof typeof INTERFACES

/** The WaveRT port of portcls: opens pins on a miniport, each with an IPortWaveRTStream of its own. */
export class PortWaveRT {
  readonly #kernel: Kernel
  readonly #mm: Mm
  readonly #pins = new Set<WaveRTPin>()
  readonly #images: PortStreamImage[] = []

  constructor(kernel: Kernel, mm: Mm) {
    this.#kernel = kernel
    this.#mm = mm
  }

  /** Pins that are open. */
  get pins(): number {
    return this.#pins.size
  }

  /** The methods of an interface, by their slots in its vtable (WRT-001). */
  methodsOf(name: InterfaceName): readonly Method[] {
    return INTERFACES[name]
  }

  /** One more, beside those of the pins. */
  newPortStream(): PortWaveRTStream {
    return new PortWaveRTStream(this.#kernel, this.#mm)
  }

  /** The interface as it lies in memory, with its vtable (WRT-001, WRT-002). @throws ProbarError out-of-memory */
  imageOf(port: ImagedPort): PortStreamImage {
    const image = new PortStreamImage(this.#kernel, port)
    this.#images.push(image)
    return image
  }

  /**
   * Opens a pin, in STOP, on a new stream of the miniport (WRT-035).
   * @param pin untouched unless the status is a success
   * @returns what NewStream returned, and STATUS_INVALID_PARAMETER for a format that no client can describe
   */
  async openPin(
    miniport: IMiniportWaveRT,
    { Pin = 0, Capture = false, format }: PinRequest,
    pin: Out<WaveRTPin>,
  ): Promise<NtStatus> {
    const routine = 'NewStream'
    const kernel = this.#kernel
    kernel.requireIrql(routine, 'WRT-035', KIRQL.PASSIVE_LEVEL)
    if (!isWaveFormat(format)) return NtStatus.STATUS_INVALID_PARAMETER
    const port = this.newPortStream()
    const stream: Out<IMiniportWaveRTStream> = {}
    const dataFormat = newDataFormat(kernel, format)
    const status = await miniport.NewStream(stream, port, Pin, Capture, dataFormat)
    if (!NT_SUCCESS(status) || stream.value === undefined) {
      kernel.pool.free(dataFormat.header.address)
      if (!NT_SUCCESS(status)) return status
      return kernel.ledger.raise({ rule: 'WRT-035', routine, text: 'the miniport succeeded and gave no stream' })
    }
    const opened: WaveRTPin = new WaveRTPin({
      kernel,
      mm: this.#mm,
      port,
      stream: stream.value,
      format: dataFormat,
      onClose: () => this.#pins.delete(opened),
    })
    this.#pins.add(opened)
    pin.value = opened
    return NtStatus.STATUS_SUCCESS
  }

  /** Closes every pin that is left, and writes each down. */
  async close(): Promise<void> {
    for (const image of this.#images) image.close()
    for (const pin of this.#pins) {
      this.#kernel.ledger.note({ rule: 'WRT-039', routine: 'close', text: 'a pin was never closed' })
      await pin.abandon()
    }
  }
}
