import type { Kernel } from '../kernel/kernel.ts'
import type { Mm } from '../mm/mm.ts'
import type { KsDevice } from './ks-device.ts'
import type { KsPin } from './pin.ts'
import type { KsStreamPointer, StreamHeaders } from './pointers/stream-pointer.ts'
import type { Cursor, Queue } from './queue/queue.ts'

/** What AVStream's routines share. One a Windows. */
export interface KsState {
  readonly kernel: Kernel
  readonly mm: Mm
  readonly device: KsDevice
  /** Pins that are open, each with its queue where it has one. */
  readonly pins: Map<KsPin, Queue | undefined>
  readonly cursors: Map<KsStreamPointer, Cursor>
  readonly headers: StreamHeaders
}
