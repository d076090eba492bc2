import type { PhysicalAddress, Va } from '../../base/address.ts'
import type { NtStatus } from '../../base/ntstatus.ts'
import type { MEMORY_CACHING_TYPE, Out } from '../constants.ts'
import type { KEvent } from '../kernel/event.ts'
import type { Struct } from '../layout/struct.ts'
import type {
  KSAUDIO_POSITION,
  KSDATAFORMAT,
  KSRTAUDIO_HWLATENCY,
  KSRTAUDIO_HWREGISTER,
  WAVEFORMATEX,
} from '../layout/x64-portcls.ts'
import type { Mdl } from '../mm/mdl.ts'

/** States of a stream, in the order in which it goes through them, one step at a time (WRT-035). */
export const KSSTATE = { KSSTATE_STOP: 0, KSSTATE_ACQUIRE: 1, KSSTATE_PAUSE: 2, KSSTATE_RUN: 3 } as const
export type KSSTATE = (typeof KSSTATE)[keyof typeof KSSTATE]

export type HwRegister = Struct<typeof KSRTAUDIO_HWREGISTER>
export type HwLatency = Struct<typeof KSRTAUDIO_HWLATENCY>
export type AudioPosition = Struct<typeof KSAUDIO_POSITION>

/** KSDATAFORMAT_WAVEFORMATEX: both parts of one block. */
export interface DataFormat {
  readonly header: Struct<typeof KSDATAFORMAT>
  readonly wave: Struct<typeof WAVEFORMATEX>
}

/** What may wait for a device; on Windows the caller's thread does. */
export type Awaitable<T> = T | Promise<T>

/** IPortWaveRTStream: what a miniport's stream gets its pages from. Each stream has one of its own. */
export interface IPortWaveRTStream {
  AllocatePagesForMdl(HighAddress: PhysicalAddress, TotalBytes: number): Mdl | null
  AllocateContiguousPagesForMdl(
    LowAddress: PhysicalAddress,
    HighAddress: PhysicalAddress,
    TotalBytes: number,
  ): Mdl | null
  MapAllocatedPages(MemoryDescriptorList: Mdl, CacheType: MEMORY_CACHING_TYPE): Va | null
  UnmapAllocatedPages(BaseAddress: Va, MemoryDescriptorList: Mdl): void
  FreePagesFromMdl(MemoryDescriptorList: Mdl): void
  GetPhysicalPagesCount(MemoryDescriptorList: Mdl): number
  GetPhysicalPageAddress(MemoryDescriptorList: Mdl, Index: number): PhysicalAddress
}

/**
 * IMiniportWaveRTStream: the contract of a miniport under test. All methods run at PASSIVE_LEVEL, GetPosition at
 * DISPATCH_LEVEL too (WRT-036). Output parameters are set on success only.
 */
export interface IMiniportWaveRTStream {
  SetFormat(DataFormat: DataFormat): Awaitable<NtStatus>
  /** A new stream is in STOP; the next state is a neighbour of the last (WRT-035). Nothing moves outside RUN (WRT-034). */
  SetState(State: KSSTATE): Awaitable<NtStatus>
  /** 0 <= offset < ActualSize (WRT-036). */
  GetPosition(Position: AudioPosition): NtStatus
  /**
   * Allocates the buffer and programs the device with it; nothing moves yet (WRT-034).
   * @param RequestedSize bytes
   * @param AudioBufferMdl of IPortWaveRTStream, all pages of the buffer
   * @param ActualSize at least RequestedSize (WRT-031, ERR-21)
   * @param OffsetFromFirstPage bytes; the buffer ends within the MDL's ByteCount (WRT-032)
   * @param CacheType of every mapping of the buffer: an output (WRT-033, ERR-43)
   * @returns STATUS_SUCCESS, STATUS_UNSUCCESSFUL, STATUS_INSUFFICIENT_RESOURCES or STATUS_DEVICE_NOT_READY (WRT-030)
   */
  AllocateAudioBuffer(
    RequestedSize: number,
    AudioBufferMdl: Out<Mdl>,
    ActualSize: Out<number>,
    OffsetFromFirstPage: Out<number>,
    CacheType: Out<MEMORY_CACHING_TYPE>,
  ): Awaitable<NtStatus>
  /** @param BufferSize by value, whatever its reference page says (ERR-43) */
  FreeAudioBuffer(AudioBufferMdl: Mdl, BufferSize: number): Awaitable<void>
  GetHWLatency(hwLatency: HwLatency): void
  /** STATUS_NOT_SUPPORTED, or STATUS_NOT_IMPLEMENTED, where the device has no such register (WRT-039, ERR-22). */
  GetPositionRegister(Register: HwRegister): NtStatus
  /** As GetPositionRegister. */
  GetClockRegister(Register: HwRegister): NtStatus
  /** Of IUnknown: the port needs the stream no more. */
  Release(): Awaitable<number>
}

/** IMiniportWaveRTStreamNotification: a stream that can say when the device has gone through half of the buffer, or all of it. */
export interface IMiniportWaveRTStreamNotification extends IMiniportWaveRTStream {
  /** As AllocateAudioBuffer. @param NotificationCount for each turn: 1 at the end, 2 in the middle and at the end (WRT-040) */
  AllocateBufferWithNotification(
    NotificationCount: number,
    RequestedSize: number,
    AudioBufferMdl: Out<Mdl>,
    ActualSize: Out<number>,
    OffsetFromFirstPage: Out<number>,
    CacheType: Out<MEMORY_CACHING_TYPE>,
  ): Awaitable<NtStatus>
  FreeBufferWithNotification(AudioBufferMdl: Mdl, BufferSize: number): Awaitable<void>
  RegisterNotificationEvent(NotificationEvent: KEvent): NtStatus
  UnregisterNotificationEvent(NotificationEvent: KEvent): NtStatus
}

/** IMiniportWaveRT, as far as streams need it. */
export interface IMiniportWaveRT {
  /**
   * @param Stream in STOP; one with notifications has the methods of IMiniportWaveRTStreamNotification too
   * @param PortStream for this stream alone
   * @param Capture the device records into the buffer; otherwise it plays from it
   */
  NewStream(
    Stream: Out<IMiniportWaveRTStream>,
    PortStream: IPortWaveRTStream,
    Pin: number,
    Capture: boolean,
    DataFormat: DataFormat,
  ): Awaitable<NtStatus>
}

/** What QueryInterface tells: whether the stream offers notifications. */
export function hasNotifications(stream: IMiniportWaveRTStream): stream is IMiniportWaveRTStreamNotification {
  return 'AllocateBufferWithNotification' in stream
}
