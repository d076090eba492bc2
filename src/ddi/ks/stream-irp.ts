import { NtStatus } from '../../base/ntstatus.ts'
import { Irp } from '../io/irp.ts'
import type { Mdl } from '../mm/mdl.ts'

/** One stream header as a client fills it, with the memory that it names. */
export interface ClientFrame {
  /** Locked pages; null for a frame that has no data. The client's own, also afterwards. */
  readonly Mdl: Mdl | null
  /** Bytes of the frame, from the start of the MDL's buffer; 0 without an MDL. */
  readonly FrameExtent: number
  /** Valid bytes of what a client writes; 0, unless told, where it reads. */
  readonly DataUsed?: number
  /** KSSTREAM_HEADER_OPTIONSF values; 0 unless told. */
  readonly OptionsFlags?: number
}

/** What a client gets back of a stream header. */
export interface ReturnedHeader {
  readonly FrameExtent: number
  readonly DataUsed: number
  readonly OptionsFlags: number
}

/** An IRP that carries frames: IOCTL_KS_READ_STREAM to a source, IOCTL_KS_WRITE_STREAM to a sink. */
export class StreamIrp extends Irp {
  /**
   * Status is STATUS_PENDING until the IRP is complete; Information then counts the bytes of the headers for a read, those
   * of valid data for a write.
   */
  readonly IoStatus: { Status: NtStatus; Information: number } = { Status: NtStatus.STATUS_PENDING, Information: 0 }
  /** Somebody asked for its cancellation; it waits for as long as a frame of it is locked (KSM-041). */
  Cancel = false
  /** In the order of the frames; empty until the IRP is complete. */
  headers: readonly ReturnedHeader[] = []
}

/** Called once, when the last frame of the IRP is complete, or when the IRP was cancelled. */
export type CompletionRoutine = (irp: StreamIrp) => void
