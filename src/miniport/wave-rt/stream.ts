import { codeOf } from '../../base/errors.ts'
import { NtStatus } from '../../base/ntstatus.ts'
import { KIRQL, MEMORY_CACHING_TYPE, type Out } from '../../ddi/constants.ts'
import type { Dma } from '../../ddi/dma/dma.ts'
import type { KEvent } from '../../ddi/kernel/event.ts'
import type { Kernel } from '../../ddi/kernel/kernel.ts'
import { isShortage } from '../../ddi/kernel/shortages.ts'
import type { Mdl } from '../../ddi/mm/mdl.ts'
import type { Mm } from '../../ddi/mm/mm.ts'
import { type WaveFormat, frameBytes, waveFormatOf } from '../../ddi/portcls/data-format.ts'
import {
  type AudioPosition,
  type DataFormat,
  type HwLatency,
  type HwRegister,
  type IMiniportWaveRTStreamNotification,
  type IPortWaveRTStream,
  KSSTATE,
} from '../../ddi/portcls/interfaces.ts'
import type { Device } from '../../device/contract.ts'
import type { CyclicEngine, CyclicStream, Direction } from '../../engine/cyclic.ts'
import { CyclicPages, granularity } from './buffer.ts'
import { Notifications } from './notifications.ts'
import { MappedRegisters } from './registers.ts'

export interface WaveRTStreamParts {
  readonly kernel: Kernel
  readonly mm: Mm
  readonly dma: Dma
  readonly device: Device
  readonly engine: CyclicEngine
  readonly port: IPortWaveRTStream
  readonly direction: Direction
  readonly format: WaveFormat
}

interface Buffer {
  readonly pages: CyclicPages
  readonly stream: CyclicStream
  /** It tells of its halves, or its end. */
  readonly notifies: boolean
}

const { KSSTATE_STOP, KSSTATE_PAUSE, KSSTATE_RUN } = KSSTATE
const STATES: readonly number[] = Object.values(KSSTATE)
/** Base class and subclass of HD Audio controllers. */
const HD_AUDIO = 0x0403

/** A stream of WaveRTMiniport. What its engine fails with while it is set in motion or stopped, it passes on as it is. */
export class WaveRTStream implements IMiniportWaveRTStreamNotification {
  readonly #parts: WaveRTStreamParts
  readonly #notifications = new Notifications()
  readonly #registers: MappedRegisters
  #format: WaveFormat
  #state: KSSTATE = KSSTATE_STOP
  #buffer: Buffer | undefined

  constructor(parts: WaveRTStreamParts) {
    this.#parts = parts
    this.#registers = new MappedRegisters(parts)
    this.#format = parts.format
  }

  /** @returns STATUS_INVALID_DEVICE_STATE once there is a buffer, which is made for one format; STATUS_NOT_SUPPORTED */
  SetFormat(DataFormat: DataFormat): NtStatus {
    const format = waveFormatOf(DataFormat)
    if (format === undefined) return NtStatus.STATUS_NOT_SUPPORTED
    if (this.#buffer !== undefined) return NtStatus.STATUS_INVALID_DEVICE_STATE
    this.#format = format
    return NtStatus.STATUS_SUCCESS
  }

  /** @returns STATUS_INVALID_DEVICE_STATE for a state that is no neighbour (WRT-035), and for RUN without a buffer */
  async SetState(State: KSSTATE): Promise<NtStatus> {
    const buffer = this.#buffer
    if (State === this.#state) return NtStatus.STATUS_SUCCESS
    if (
      !STATES.includes(State) ||
      Math.abs(State - this.#state) !== 1 ||
      (State === KSSTATE_RUN && buffer === undefined)
    ) {
      return NtStatus.STATUS_INVALID_DEVICE_STATE
    }
    const before = this.#state
    if (buffer !== undefined) await this.#move(buffer, before, State)
    this.#state = State
    return NtStatus.STATUS_SUCCESS
  }

  GetPosition(Position: AudioPosition): NtStatus {
    this.#parts.kernel.requireIrql('GetPosition', 'WRT-036', KIRQL.DISPATCH_LEVEL)
    const offset = BigInt(this.#buffer?.stream.position() ?? 0)
    Position.set('PlayOffset', offset)
    Position.set('WriteOffset', offset)
    return NtStatus.STATUS_SUCCESS
  }

  AllocateAudioBuffer(
    RequestedSize: number,
    AudioBufferMdl: Out<Mdl>,
    ActualSize: Out<number>,
    OffsetFromFirstPage: Out<number>,
    CacheType: Out<MEMORY_CACHING_TYPE>,
  ): Promise<NtStatus> {
    return this.#allocate(0, RequestedSize, AudioBufferMdl, ActualSize, OffsetFromFirstPage, CacheType)
  }

  AllocateBufferWithNotification(
    NotificationCount: number,
    RequestedSize: number,
    AudioBufferMdl: Out<Mdl>,
    ActualSize: Out<number>,
    OffsetFromFirstPage: Out<number>,
    CacheType: Out<MEMORY_CACHING_TYPE>,
  ): Promise<NtStatus> {
    const count = NotificationCount === 1 || NotificationCount === 2 ? NotificationCount : undefined
    if (count === undefined || !this.#parts.engine.abilities.notifications) {
      return Promise.resolve(NtStatus.STATUS_UNSUCCESSFUL)
    }
    return this.#allocate(count, RequestedSize, AudioBufferMdl, ActualSize, OffsetFromFirstPage, CacheType)
  }

  /** Pages from which the device cannot be moved stay allocated. @throws what closing its stream failed with */
  async FreeAudioBuffer(AudioBufferMdl: Mdl, _BufferSize: number): Promise<void> {
    const buffer = this.#buffer
    if (buffer?.pages.mdl !== AudioBufferMdl) return
    this.#buffer = undefined
    await this.#notifications.halt()
    buffer.stream.close()
    buffer.pages.free()
  }

  FreeBufferWithNotification(AudioBufferMdl: Mdl, BufferSize: number): Promise<void> {
    return this.FreeAudioBuffer(AudioBufferMdl, BufferSize)
  }

  GetHWLatency(hwLatency: HwLatency): void {
    const latency = this.#buffer?.stream.latency
    hwLatency.set('FifoSize', latency?.fifoSize ?? 0)
    hwLatency.set('ChipsetDelay', latency?.chipsetDelay ?? 0)
    hwLatency.set('CodecDelay', latency?.codecDelay ?? 0)
  }

  /** @returns STATUS_DEVICE_NOT_READY before there is a buffer, for which the device has a stream */
  GetPositionRegister(Register: HwRegister): NtStatus {
    if (this.#buffer === undefined) return NtStatus.STATUS_DEVICE_NOT_READY
    return this.#registers.describe(this.#buffer.stream.positionRegister, Register)
  }

  /** As GetPositionRegister. */
  GetClockRegister(Register: HwRegister): NtStatus {
    if (this.#buffer === undefined) return NtStatus.STATUS_DEVICE_NOT_READY
    const clock = this.#buffer.stream.clockRegister
    const status = this.#registers.describe(clock, Register)
    if (clock === undefined || status !== NtStatus.STATUS_SUCCESS) return status
    Register.set('Numerator', clock.numerator)
    Register.set('Denominator', clock.denominator)
    return status
  }

  RegisterNotificationEvent(NotificationEvent: KEvent): NtStatus {
    if (this.#buffer !== undefined && !this.#buffer.notifies) return NtStatus.STATUS_INVALID_DEVICE_STATE
    this.#notifications.add(NotificationEvent)
    return NtStatus.STATUS_SUCCESS
  }

  /** @returns STATUS_INVALID_PARAMETER for one that was not registered */
  UnregisterNotificationEvent(NotificationEvent: KEvent): NtStatus {
    return this.#notifications.remove(NotificationEvent) ? NtStatus.STATUS_SUCCESS : NtStatus.STATUS_INVALID_PARAMETER
  }

  async Release(): Promise<number> {
    if (this.#buffer !== undefined) await this.FreeAudioBuffer(this.#buffer.pages.mdl, 0)
    this.#registers.unmap()
    return 0
  }

  /** ACQUIRE and PAUSE are the same to a device. */
  async #move({ stream, notifies }: Buffer, before: KSSTATE, after: KSSTATE): Promise<void> {
    if (after === KSSTATE_RUN) {
      if (notifies) this.#notifications.start(stream)
      try {
        await stream.run()
      } catch (error) {
        await this.#notifications.halt()
        throw error
      }
    } else if (before === KSSTATE_RUN && after === KSSTATE_PAUSE) {
      await stream.pause()
      await this.#notifications.end(stream)
    } else if (after === KSSTATE_STOP) {
      await stream.stop()
    }
  }

  /** @param count of notifications in each turn */
  async #allocate(
    count: 0 | 1 | 2,
    requested: number,
    mdl: Out<Mdl>,
    actual: Out<number>,
    offset: Out<number>,
    type: Out<MEMORY_CACHING_TYPE>,
  ): Promise<NtStatus> {
    const { engine, direction, device } = this.#parts
    if (this.#buffer !== undefined) return NtStatus.STATUS_UNSUCCESSFUL
    const { alignment, smallest, addressBits, listLength } = engine.abilities
    const least = granularity(alignment, frameBytes(this.#format))
    const step = count === 2 ? 2 * least : least
    const size = Math.ceil(Math.max(requested, smallest) / step) * step
    const place = { ...this.#parts, addressBits, listLength, plays: direction === 'output' }
    const pages = CyclicPages.allocate(place, size)
    if (pages === undefined) return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    try {
      const notifyAt = ([[], [size], [size / 2, size]] as const)[count]
      const stream = await engine.open({
        direction,
        segments: pages.segments,
        format: this.#format,
        ...(count > 0 && { notifyAt }),
      })
      this.#buffer = { pages, stream, notifies: count > 0 }
    } catch (error) {
      pages.free()
      return this.#refusal(error)
    }
    mdl.value = pages.mdl
    actual.value = size
    offset.value = 0
    // The controller need not snoop (WRT-033).
    const isHdAudio = device.identity.classCode >>> 8 === HD_AUDIO
    type.value = isHdAudio ? MEMORY_CACHING_TYPE.MmWriteCombined : MEMORY_CACHING_TYPE.MmCached
    return NtStatus.STATUS_SUCCESS
  }

  /** The documented status for it (WRT-030). @throws what it is about the device itself */
  #refusal(error: unknown): NtStatus {
    if (isShortage(error)) {
      this.#parts.kernel.shortages.note(error)
      return NtStatus.STATUS_INSUFFICIENT_RESOURCES
    }
    const code = codeOf(error)
    if (code === 'capability-missing' || code === 'range-outside') return NtStatus.STATUS_UNSUCCESSFUL
    throw error
  }
}
