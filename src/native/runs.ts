import { ProbarError } from '../base/errors.ts'

export interface Run {
  readonly first: number
  readonly count: number
}

/**
 * Frames that follow one another in the memory, which are mapped in one step.
 * @throws ProbarError range-outside for an empty list, or a frame at or above `limit`
 */
export function runsOf(frames: Uint32Array, limit: number): readonly Run[] {
  if (frames.length === 0) throw new ProbarError('range-outside', 'a view needs at least one frame')
  const runs: { first: number; count: number }[] = []
  for (const [index, frame] of frames.entries()) {
    if (frame >= limit) {
      throw new ProbarError(
        'range-outside',
        `frame ${frame} at index ${index} is not inside a memory of ${limit} frames`,
      )
    }
    const last = runs.at(-1)
    if (last !== undefined && frame === last.first + last.count) last.count += 1
    else runs.push({ first: frame, count: 1 })
  }
  return runs
}
