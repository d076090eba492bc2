import type { Random } from '../../base/random.ts'

/** Driver Verifier's default (VER-014). */
const PERCENT = 6

export interface Simulation {
  /** Calls in a hundred that fail; 6 unless told. */
  readonly percent?: number
  readonly random: Random
}

/**
 * Low-resources simulation (VER-014): calls that may run short do, in the way that is documented for them, and pages
 * that a routine hands out without zeroing them hold a random pattern. Off until a test asks for it.
 */
export class LowResources {
  #strikesAt: ((call: number) => boolean) | undefined
  #random: Random | undefined
  #calls = 0
  readonly #struck: string[] = []

  /** Calls that might have failed since a simulation began. */
  get calls(): number {
    return this.#calls
  }

  /** The routines that were made to fail since it began, in order. */
  get struck(): readonly string[] {
    return this.#struck
  }

  /** Fails calls by chance. */
  simulate({ percent = PERCENT, random }: Simulation): void {
    this.#begin((): boolean => random.below(100) < percent, random)
  }

  /** Fails one call exactly. @param call counted from 1, over all routines that may fail */
  failCall(call: number): void {
    this.#begin((now) => now === call, undefined)
  }

  end(): void {
    this.#strikesAt = undefined
    this.#random = undefined
  }

  /** Asked by every routine that may run short, after it has checked its caller: true when it is to fail now. */
  strikes(routine: string): boolean {
    if (this.#strikesAt === undefined) return false
    this.#calls++
    if (!this.#strikesAt(this.#calls)) return false
    this.#struck.push(routine)
    return true
  }

  /** What a page that is not zeroed holds while calls fail by chance; undefined leaves it as it is. */
  pattern(): number | undefined {
    return this.#random === undefined ? undefined : 1 + this.#random.below(255)
  }

  #begin(strikesAt: (call: number) => boolean, random: Random | undefined): void {
    this.#strikesAt = strikesAt
    this.#random = random
    this.#calls = 0
    this.#struck.length = 0
  }
}
