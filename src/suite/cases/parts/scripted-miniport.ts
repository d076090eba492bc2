import { type Va, distance } from '../../../base/address.ts'
import { NtStatus } from '../../../base/ntstatus.ts'
import { roundUpToPages } from '../../../base/pages.ts'
import type { MEMORY_CACHING_TYPE, Out } from '../../../ddi/constants.ts'
import type { KEvent } from '../../../ddi/kernel/event.ts'
import type { Mdl } from '../../../ddi/mm/mdl.ts'
import type { WaveFormat } from '../../../ddi/portcls/data-format.ts'
import type {
  AudioPosition,
  DataFormat,
  HwLatency,
  HwRegister,
  IMiniportWaveRTStreamNotification,
  IPortWaveRTStream,
  KSSTATE,
} from '../../../ddi/portcls/interfaces.ts'
import type { WaveRTPin } from '../../../ddi/portcls/wave-rt-pin.ts'
import type { Context } from '../../context.ts'
import { ANYWHERE, MmWriteCombined } from './buffers.ts'
import { homeBytes } from './home-bytes.ts'

/** Stereo at 48 kHz: what every WaveRT device plays. */
export const STEREO: WaveFormat = { rate: 48_000, channels: 2, bits: 16 }

/** What a scripted stream answers; a case changes it as it likes. */
export class Answers {
  /** Of AllocateAudioBuffer. */
  status = 0
  actualSize: (requested: number) => number = (requested) => requested + 8
  offset = 64
  cacheType: MEMORY_CACHING_TYPE = MmWriteCombined
  /** Where its MDL comes from. */
  mdl: (port: IPortWaveRTStream, bytes: number) => Mdl | null = (port, bytes) =>
    port.AllocatePagesForMdl(ANYWHERE, bytes)
  /** The case frees it by itself, because it is none of the port's. */
  ownMdl = false
  /** Of SetState. */
  stateStatus = 0
  /** Of GetPositionRegister and GetClockRegister. */
  registerStatus = 0
  width = 32
  position: readonly [bigint, bigint] = [1111n, 2222n]
  /** States that it was set to, sizes of buffers that were freed, releases: what the port did. */
  readonly states: KSSTATE[] = []
  readonly freed: number[] = []
  readonly counts: number[] = []
  released = 0
  format: DataFormat | undefined
}

/** A stream without a device, which answers what a case says: for what the port does with the answers. */
class ScriptedStream implements IMiniportWaveRTStreamNotification {
  readonly #context: Context
  readonly #port: IPortWaveRTStream
  readonly #answers: Answers

  constructor(context: Context, port: IPortWaveRTStream, answers: Answers) {
    this.#context = context
    this.#port = port
    this.#answers = answers
  }

  SetFormat(DataFormat: DataFormat): NtStatus {
    this.#answers.format = DataFormat
    return NtStatus.STATUS_SUCCESS
  }

  SetState(State: KSSTATE): NtStatus {
    this.#answers.states.push(State)
    return this.#answers.stateStatus
  }

  GetPosition(Position: AudioPosition): NtStatus {
    this.#write64(Position.address, 0, this.#answers.position[0])
    this.#write64(Position.address, 8, this.#answers.position[1])
    return NtStatus.STATUS_SUCCESS
  }

  AllocateAudioBuffer(
    RequestedSize: number,
    AudioBufferMdl: Out<Mdl>,
    ActualSize: Out<number>,
    OffsetFromFirstPage: Out<number>,
    CacheType: Out<number>,
  ): NtStatus {
    const { status, actualSize, offset, cacheType, mdl } = this.#answers
    if (status !== 0) return status
    const pages = mdl(this.#port, roundUpToPages(offset + RequestedSize + 8))
    if (pages === null) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    AudioBufferMdl.value = pages
    ActualSize.value = actualSize(RequestedSize)
    OffsetFromFirstPage.value = offset
    CacheType.value = cacheType
    return status
  }

  FreeAudioBuffer(AudioBufferMdl: Mdl, BufferSize: number): void {
    this.#answers.freed.push(BufferSize)
    if (this.#answers.ownMdl) return
    this.#port.FreePagesFromMdl(AudioBufferMdl)
  }

  GetHWLatency(hwLatency: HwLatency): void {
    for (const [index, value] of [16, 7, 9].entries()) this.#write32(hwLatency.address, 4 * index, value)
  }

  GetPositionRegister(Register: HwRegister): NtStatus {
    return this.#register(Register)
  }

  GetClockRegister(Register: HwRegister): NtStatus {
    return this.#register(Register)
  }

  AllocateBufferWithNotification(
    NotificationCount: number,
    ...rest: Parameters<IMiniportWaveRTStreamNotification['AllocateAudioBuffer']>
  ): NtStatus {
    this.#answers.counts.push(NotificationCount)
    return this.AllocateAudioBuffer(...rest)
  }

  FreeBufferWithNotification(AudioBufferMdl: Mdl, BufferSize: number): void {
    this.FreeAudioBuffer(AudioBufferMdl, BufferSize)
  }

  RegisterNotificationEvent(_NotificationEvent: KEvent): NtStatus {
    return NtStatus.STATUS_SUCCESS
  }

  UnregisterNotificationEvent(_NotificationEvent: KEvent): NtStatus {
    return NtStatus.STATUS_SUCCESS
  }

  Release(): number {
    this.#answers.released++
    return 0
  }

  #register({ address }: HwRegister): NtStatus {
    const { registerStatus, width } = this.#answers
    if (registerStatus !== 0) return registerStatus
    this.#write64(address, 0, 4096n)
    this.#write32(address, 8, width)
    this.#write64(address, 16, 48_000n)
    this.#write64(address, 24, 1001n)
    this.#write32(address, 32, 3)
    return registerStatus
  }

  #write32(address: Va, offset: number, value: number): void {
    this.#write(address, offset, new Uint8Array(Uint32Array.of(value).buffer))
  }

  #write64(address: Va, offset: number, value: bigint): void {
    this.#write(address, offset, new Uint8Array(BigUint64Array.of(value).buffer))
  }

  #write(address: Va, offset: number, bytes: Uint8Array): void {
    const { frames } = this.#context
    frames.write(distance(frames.address, address) + offset, bytes)
  }
}

/** A pin on a scripted stream. */
export async function openScripted(
  context: Context,
  answers = new Answers(),
): Promise<{ readonly pin: WaveRTPin; readonly answers: Answers }> {
  const { check, ddi } = context
  const pin: Out<WaveRTPin> = {}
  const status = await ddi.waveRT.openPin(
    {
      NewStream: (Stream, PortStream, _Pin, _Capture, DataFormat) => {
        answers.format = DataFormat
        Stream.value = new ScriptedStream(context, PortStream, answers)
        return NtStatus.STATUS_SUCCESS
      },
    },
    { format: STEREO },
    pin,
  )
  check.equal(status, 0, 'openPin')
  return { pin: check.present(pin.value, 'a pin'), answers }
}

/** The bytes of the format that NewStream got. */
export function formatBytes(context: Context, { format }: Answers): DataView {
  const { header } = context.check.present(format, 'the data format')
  return homeBytes(context, header.address, 82)
}
