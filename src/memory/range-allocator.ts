import { ProbarError } from '../base/errors.ts'

interface Gap {
  start: number
  end: number
}

/** First-fit bookkeeping of one range of numbers; knows nothing of what they number. */
export class RangeAllocator {
  /** Free gaps, ascending, never touching each other. */
  #gaps: Gap[]
  readonly #taken = new Map<number, number>()

  /** @param end exclusive */
  constructor(start: number, end: number) {
    this.#gaps = [{ start, end }]
  }

  /** True when nothing is allocated. */
  get empty(): boolean {
    return this.#taken.size === 0
  }

  /** True when something was allocated at `start`. */
  holds(start: number): boolean {
    return this.#taken.has(start)
  }

  /** The start of `size` free numbers, or undefined when no gap is that large. */
  allocate(size: number, alignment = 1): number | undefined {
    for (const gap of this.#gaps) {
      const start = Math.ceil(gap.start / alignment) * alignment
      if (start + size <= gap.end) return this.#take(gap, start, size)
    }
    return undefined
  }

  /** Takes exactly [start, start + size); false when part of it is taken or outside. */
  claim(start: number, size: number): boolean {
    const gap = this.#gaps.find((candidate) => candidate.start <= start && start + size <= candidate.end)
    if (gap === undefined) return false
    this.#take(gap, start, size)
    return true
  }

  /** The size of what was allocated at `start`. @throws ProbarError internal when nothing was */
  free(start: number): number {
    const size = this.#taken.get(start)
    if (size === undefined) throw new ProbarError('internal', `nothing was allocated at ${start}`)
    this.#taken.delete(start)
    this.#give({ start, end: start + size })
    return size
  }

  #take(gap: Gap, start: number, size: number): number {
    const rest = [
      { start: gap.start, end: start },
      { start: start + size, end: gap.end },
    ]
    this.#gaps.splice(this.#gaps.indexOf(gap), 1, ...rest.filter((part) => part.start < part.end))
    this.#taken.set(start, size)
    return start
  }

  #give(freed: Gap): void {
    const at = this.#gaps.findIndex((gap) => gap.start > freed.start)
    const index = at === -1 ? this.#gaps.length : at
    const before = this.#gaps[index - 1]
    const after = this.#gaps[index]
    const joined = {
      start: before?.end === freed.start ? before.start : freed.start,
      end: after?.start === freed.end ? after.end : freed.end,
    }
    const from = joined.start === freed.start ? index : index - 1
    const to = joined.end === freed.end ? index : index + 1
    this.#gaps.splice(from, to - from, joined)
  }
}
