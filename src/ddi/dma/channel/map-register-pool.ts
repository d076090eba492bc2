import type { DmaPlatform } from '../platform.ts'

/** Something that waits for map registers. */
export interface Waiting {
  /** Begins what can begin by now; returns whether anything did. */
  pump(): boolean
}

/** The map registers of the platform, and who waits for them (DMA-022). */
export class MapRegisterPool {
  readonly #platform: DmaPlatform
  readonly #waiting = new Set<Waiting>()
  #taken = 0
  #pumping = false

  constructor(platform: DmaPlatform) {
    this.#platform = platform
  }

  has(count: number): boolean {
    return this.#taken + count <= this.#platform.mapRegisters
  }

  take(count: number): void {
    this.#taken += count
  }

  /** Gives registers back, and lets those begin who waited for them. */
  give(count: number): void {
    this.#taken -= count
    this.pump()
  }

  add(waiting: Waiting): void {
    this.#waiting.add(waiting)
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting)
  }

  /** Until nobody can begin any more. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while ([...this.#waiting].some((one) => one.pump()));
    } finally {
      this.#pumping = false
    }
  }
}
