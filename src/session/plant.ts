import type { Ddi } from '../ddi/compose.ts'
import type { Kernel } from '../ddi/kernel/kernel.ts'
import type { Device } from '../device/contract.ts'
import type { DmaEngine } from '../engine/contract.ts'
import type { CyclicEngine } from '../engine/cyclic.ts'
import type { FrameStore } from '../memory/frame-store.ts'

/**
 * Defects for the tests of the cases: each function gets a part and returns a broken one in its place, below the
 * case that is to notice it.
 */
export interface Plant {
  readonly device?: (device: Device) => Device
  /** Native memory too: views are made by the store's `native`. */
  readonly frames?: (frames: FrameStore) => FrameStore
  readonly engine?: (engine: DmaEngine) => DmaEngine
  readonly cyclic?: (engine: CyclicEngine) => CyclicEngine
  /** Once for each new Windows; `kernel` reaches the bytes that the DDIs wrote. */
  readonly ddi?: (ddi: Ddi, kernel: Kernel) => Ddi
}
