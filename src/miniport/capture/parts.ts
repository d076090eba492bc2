import type { Ddi } from '../../ddi/compose.ts'
import type { Kernel } from '../../ddi/kernel/kernel.ts'
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
