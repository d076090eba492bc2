import { PAGE_SIZE } from '../../base/pages.ts'
import { FREED_BYTE, type FrameStore } from '../../memory/frame-store.ts'
import type { LowResources } from './low-resources.ts'

/** So many bytes in a row as the page was handed out with are no coincidence. */
const RUN = 16

/**
 * Pages that were handed out without being zeroed, with the byte that fills them: what a driver leaves of it would be
 * shown to a user if the page were mapped there (MDL-089).
 */
export class UnwrittenPages {
  readonly #frames: FrameStore
  readonly #lowResources: LowResources
  /** 0: zeroed, or in nobody's hands. */
  readonly #fill: Uint8Array

  constructor(frames: FrameStore, lowResources: LowResources) {
    this.#frames = frames
    this.#lowResources = lowResources
    this.#fill = new Uint8Array(frames.size / PAGE_SIZE)
  }

  /** Frames that go out as they are, or with a random pattern under low-resources simulation (VER-014). */
  handOut(frames: Uint32Array): void {
    const { native, area } = this.#frames
    for (const frame of frames) {
      const pattern = this.#lowResources.pattern()
      if (pattern !== undefined) native.fill(area, frame * PAGE_SIZE, PAGE_SIZE, pattern)
      this.#fill[frame] = pattern ?? FREED_BYTE
    }
  }

  /** Frames that go out zeroed. */
  zero(frames: Uint32Array): void {
    this.#frames.zero(frames)
    for (const frame of frames) this.#fill[frame] = 0
  }

  /** What a frame held is in another one now. */
  move(from: number, to: number): void {
    this.#fill[to] = this.#fill[from] ?? 0
  }

  /** The first of the frames in which something is left that its owner never wrote, or undefined. */
  firstOf(frames: Uint32Array): number | undefined {
    return frames.find((frame) => {
      const fill = this.#fill[frame] ?? 0
      if (fill === 0) return false
      const left = hasRun(this.#frames.read(frame * PAGE_SIZE, PAGE_SIZE), fill)
      if (!left) this.#fill[frame] = 0
      return left
    })
  }
}

function hasRun(bytes: Uint8Array, byte: number): boolean {
  let run = 0
  for (const one of bytes) {
    run = one === byte ? run + 1 : 0
    if (run === RUN) return true
  }
  return false
}
