import { type Area, type MemorySurface, Protection } from '../../src/native/surface.ts'
import { codeThrownBy } from './providers.ts'

export const PAGE = 4096
const { readWrite } = Protection

export interface Fixture extends Disposable {
  readonly memory: Area
  readonly space: Area
  /** A view of the frames, `at` pages into the space. */
  view(frames: readonly number[], at: number, protection?: Protection): Area
}

/** 16 frames and 32 pages of reserved space. */
export function open(surface: MemorySurface): Fixture {
  const memory = surface.createMemory(16 * PAGE)
  const space = surface.reserve(32 * PAGE)
  return {
    memory,
    space,
    view: (frames, at, protection = readWrite) =>
      surface.mapFrames(surface.address(space) + at * PAGE, memory, Uint32Array.from(frames), protection),
    [Symbol.dispose]() {
      for (const area of [space, memory]) if (codeThrownBy(() => surface.size(area)) !== 'closed') surface.release(area)
    },
  }
}

/** Bytes that differ from one offset, page and salt to the next. */
export const pattern = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + salt + (index >> 8)) & 0xff)
