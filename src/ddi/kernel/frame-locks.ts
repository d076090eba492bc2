import { PAGE_SIZE } from '../../base/pages.ts'
import type { FrameStore } from '../../memory/frame-store.ts'

/**
 * How often each frame is locked. Locks are per MDL and counted per page, so that a frame stays where it is until the
 * last MDL over it is unlocked (MDL-056); it is kept until then, too, when its memory is freed before (MDL-057).
 */
export class FrameLocks {
  readonly #frames: FrameStore
  readonly #locks: Uint32Array
  /** 1: freed while it was locked. */
  readonly #orphans: Uint8Array

  constructor(frames: FrameStore) {
    this.#frames = frames
    this.#locks = new Uint32Array(frames.size / PAGE_SIZE)
    this.#orphans = new Uint8Array(frames.size / PAGE_SIZE)
  }

  /** Locks that hold a frame. */
  count(frame: number): number {
    return this.#locks[frame] ?? 0
  }

  lock(frames: Uint32Array): void {
    for (const frame of frames) this.#locks[frame] = this.count(frame) + 1
  }

  /** Takes one lock from each frame, and gives back what was only kept by it. */
  unlock(frames: Uint32Array): void {
    for (const frame of frames) this.#locks[frame] = this.count(frame) - 1
    const last = frames.filter((frame) => this.count(frame) === 0 && this.#orphans[frame] === 1)
    for (const frame of last) this.#orphans[frame] = 0
    this.#frames.free(last)
  }

  /** Gives the frames back, the locked ones when they are unlocked. */
  free(frames: Uint32Array): void {
    const locked = frames.filter((frame) => this.count(frame) > 0)
    if (locked.length === 0) return this.#frames.free(frames)
    for (const frame of locked) this.#orphans[frame] = 1
    this.#frames.free(frames.filter((frame) => this.count(frame) === 0))
  }
}
