import { ProbarError } from '../base/errors.ts'

/** Frames of a session unless told: 16 MiB. No more than the session's frames can be mapped to its device at once. */
export const FRAMES = 4096
/** Pages of nonpaged pool unless told; taken from the frames. */
export const POOL_PAGES = 64

/** The home view of all frames is one JavaScript buffer, which has at most 2^32 - 1 bytes. */
const MOST_FRAMES = 2 ** 20 - 1
/** Of 2 MiB each, where no IOMMU translates. */
const FRAMES_OF_HUGE_PAGE = 512

export interface MemorySizes {
  /** Frames of 4 KiB that a session has in all. */
  readonly frames: number
  /** Pages of nonpaged pool among them, where MDLs and lists lie: 24 bytes an element, 8 a page of an MDL. */
  readonly poolPages: number
}

/**
 * @param whole the frames come in huge pages
 * @throws ProbarError usage for what is no number of frames, or a pool that leaves none
 */
export function memorySizes(asked: Partial<MemorySizes>, whole: boolean): MemorySizes {
  const { frames = FRAMES, poolPages = POOL_PAGES } = asked
  if (!Number.isInteger(frames) || frames < 2 || frames > MOST_FRAMES) {
    throw new ProbarError('usage', `frames is ${frames}, but a session has 2 to ${MOST_FRAMES}`)
  }
  if (whole && frames % FRAMES_OF_HUGE_PAGE !== 0) {
    const why = 'without an IOMMU they are taken in huge pages'
    throw new ProbarError('usage', `frames is ${frames}, no multiple of ${FRAMES_OF_HUGE_PAGE}: ${why}`)
  }
  // The pool is one piece of one half of the frames.
  const most = Math.floor(frames / 2)
  if (!Number.isInteger(poolPages) || poolPages < 1 || poolPages > most) {
    throw new ProbarError('usage', `poolPages is ${poolPages}, but of ${frames} frames the pool has 1 to ${most}`)
  }
  return { frames, poolPages }
}
