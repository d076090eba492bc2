import { ProbarError } from '../../../src/base/errors.ts'
import type { Segments } from '../../../src/device/segments.ts'
import type { DmaEngine, EngineAbilities, EngineOptions } from '../../../src/engine/contract.ts'

interface Job {
  readonly target: Segments
  readonly data: Uint8Array
  readonly done: () => void
  readonly failed: (error: unknown) => void
  moving: boolean
  aborted: boolean
}

/** A device with channels of its own, which moves nothing before the test says so: real transfers, in any order. */
export class GatedEngine implements DmaEngine {
  readonly name = 'gated'
  readonly abilities: EngineAbilities
  /** Channels in the order in which transfers were begun. */
  readonly begun: number[] = []
  readonly #edu: DmaEngine
  readonly #jobs = new Map<number, Job>()

  constructor(edu: DmaEngine, abilities: Partial<EngineAbilities> = {}) {
    this.#edu = edu
    this.abilities = { ...edu.abilities, channels: 2, abort: 'at-once', ...abilities }
  }

  /** Channels with something to do. */
  get busy(): readonly number[] {
    return [...this.#jobs.keys()]
  }

  write(target: Segments, data: Uint8Array, { channel = 0 }: EngineOptions = {}): Promise<void> {
    if (this.#jobs.has(channel)) throw new Error(`channel ${channel} is busy`)
    this.begun.push(channel)
    return new Promise((done, failed) =>
      this.#jobs.set(channel, { target, data, done, failed, moving: false, aborted: false }),
    )
  }

  /** The device does what the channel has to do. One channel after the other. */
  async go(channel: number): Promise<void> {
    const job = this.#jobs.get(channel)
    if (job === undefined) return
    job.moving = true
    try {
      await this.#edu.write(job.target, job.data)
    } catch (error) {
      job.failed(error)
      return
    }
    this.#jobs.delete(channel)
    job.done()
  }

  /** The device fails at what the channel has to do, which stays under way. */
  fail(channel: number, error: unknown): void {
    this.#jobs.get(channel)?.failed(error)
  }

  async abort(channel = 0): Promise<void> {
    const job = this.#jobs.get(channel)
    if (job === undefined) return
    const cancelled = new ProbarError('cancelled', 'the channel was aborted')
    job.aborted = true
    if (!job.moving) this.#jobs.delete(channel)
    job.failed(cancelled)
    if (!job.moving) return
    await this.#edu.abort()
    this.#jobs.delete(channel)
  }

  idle(channel = 0): boolean {
    const job = this.#jobs.get(channel)
    return job === undefined || (job.aborted && this.#edu.idle())
  }

  read(source: Segments): Promise<Uint8Array> {
    return this.#edu.read(source)
  }

  interrupt(): Promise<number> {
    return this.#edu.interrupt()
  }

  close(): void {
    this.#edu.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
