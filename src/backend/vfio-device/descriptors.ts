import { runAll } from '../../base/disposal.ts'
import type { VfioSurface } from '../../native/surface.ts'

/** Files that are opened one through the other, and closed the last first. */
export class Descriptors {
  readonly #native: VfioSurface
  readonly #open: number[] = []

  constructor(native: VfioSurface) {
    this.#native = native
  }

  keep(descriptor: number): number {
    this.#open.push(descriptor)
    return descriptor
  }

  close(): void {
    const last = this.#open.splice(0).toReversed()
    runAll(last.map((descriptor) => () => this.#native.closeDescriptor(descriptor)))
  }
}
