import { ProbarError } from '../../../base/errors.ts'
import type { MEMORY_CACHING_TYPE } from '../../constants.ts'

/**
 * The caching attribute of each frame. Pages carry none until they are mapped; the first mapping fixes it (MDL-081,
 * ERR-07), and while a view lives, a mapping with another attribute is refused (MDL-082).
 */
export class FrameAttributes {
  readonly #types: Uint8Array
  readonly #views: Uint16Array

  /** @param frames number of frames in the store */
  constructor(frames: number) {
    this.#types = new Uint8Array(frames)
    this.#views = new Uint16Array(frames)
  }

  /** Counts one more view of each frame. @throws ProbarError capability-missing on a conflict, and counts none */
  claim(frames: Uint32Array, type: MEMORY_CACHING_TYPE): void {
    for (const frame of frames) {
      if (this.#views[frame] !== 0 && this.#types[frame] !== type) {
        throw new ProbarError('capability-missing', `frame ${frame} is mapped with another caching type (MDL-082)`)
      }
    }
    for (const frame of frames) {
      this.#types[frame] = type
      this.#views[frame] = (this.#views[frame] ?? 0) + 1
    }
  }

  release(frames: Uint32Array): void {
    for (const frame of frames) this.#views[frame] = (this.#views[frame] ?? 1) - 1
  }
}
