import { NtStatus } from '../../base/ntstatus.ts'
import type { Out } from '../../ddi/constants.ts'
import { waveFormatOf } from '../../ddi/portcls/data-format.ts'
import type {
  DataFormat,
  IMiniportWaveRT,
  IMiniportWaveRTStream,
  IPortWaveRTStream,
} from '../../ddi/portcls/interfaces.ts'
import { WaveRTStream, type WaveRTStreamParts } from './stream.ts'

/** What the miniport finds around itself. */
export type WaveRTMiniportParts = Pick<WaveRTStreamParts, 'kernel' | 'mm' | 'dma' | 'device' | 'engine'>

/**
 * A WaveRT miniport for any device that walks through buffers by itself: what a driver's author would write, with an engine in
 * place of the register programming.
 */
export class WaveRTMiniport implements IMiniportWaveRT {
  readonly #parts: WaveRTMiniportParts

  constructor(parts: WaveRTMiniportParts) {
    this.#parts = parts
  }

  /** @returns STATUS_NOT_SUPPORTED for a direction that the device does not have, or samples that are no PCM */
  NewStream(
    Stream: Out<IMiniportWaveRTStream>,
    PortStream: IPortWaveRTStream,
    _Pin: number,
    Capture: boolean,
    DataFormat: DataFormat,
  ): NtStatus {
    const direction = Capture ? 'input' : 'output'
    const format = waveFormatOf(DataFormat)
    if (format === undefined || !this.#parts.engine.abilities.directions.includes(direction)) {
      return NtStatus.STATUS_NOT_SUPPORTED
    }
    Stream.value = new WaveRTStream({ ...this.#parts, port: PortStream, direction, format })
    return NtStatus.STATUS_SUCCESS
  }
}
