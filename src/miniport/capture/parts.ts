import type { Ddi } from '../../ddi/compose.ts'
import type { Kernel } from '../../ddi/kernel/kernel.ts'
import type { KsPin } from '../../ddi/ks/pin.ts'
import type { Device } from '../../device/contract.ts'
import type { DmaEngine } from '../../engine/contract.ts'

/** What a capture driver stands on; a session has all of it. */
export interface CaptureParts {
  readonly ddi: Pick<Ddi, 'dma' | 'ks'>
  readonly kernel: Kernel
  readonly device: Pick<Device, 'clock'>
  readonly engine: DmaEngine
  /** The longest entry of a mapping table, in bytes; what the device moves at once unless told, and never more. */
  readonly maxMappingsByteCount?: number
  /** For each of the device's transfers and aborts, on its clock; 5000 unless told. */
  readonly timeoutMs?: number
  /** Ends whatever waits. */
  readonly signal?: AbortSignal
}

/** What the device is to deliver: frames one after the other, each of a size of its own. */
export interface FrameSource {
  /** The next frame's bytes, as soon as the device has captured it; undefined when there are no more. */
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

/** A capture minidriver as its device and its tests see it, so that another one can be put in the place of `CapturePin`. */
export interface CaptureMiniport {
  /** What a client queues frames on. */
  readonly pin: KsPin
  /** Frames that the device had while no client had queued one, or none could be locked: they are lost, as on any camera. */
  readonly dropped: number
  /** Frames that the device is filling. */
  readonly inFlight: number
  /**
   * The device has captured a frame, and begins to deliver it. What is longer than the queued frame is cut off.
   * @returns false when it was dropped
   * @throws ProbarError closed while the pin is stopped
   */
  capture(frame: Uint8Array): boolean
  /** Carries the source's frames, each as soon as a channel is free for it, until there are no more or the pin stops. */
  run(source: FrameSource): Promise<void>
  /** When no frame is in flight. @throws what the device, or a client's completion routine, failed with meanwhile */
  settled(): Promise<void>
  /** To KSSTATE_RUN again. @throws ProbarError closed */
  start(): void
  /**
   * To KSSTATE_STOP: every channel is aborted, and when the device is at rest the frames in flight are complete with what
   * was reported by then. Frames that the device did not get stay in the queue.
   * @throws ProbarError timeout when the device does not come to rest; its frames are kept then (KSM-047)
   */
  stop(): Promise<void>
  /** Stops; AVStream cancels what is queued. @throws as stop; the pin is closed all the same */
  close(): Promise<void>
}
