import { KIRQL } from '../../constants.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { MapRegisterPool, Waiting } from './map-register-pool.ts'

/** `released`: the channel is free again; `kept`: it stays with the requester; `failed`: nothing was begun. */
export type Begun = 'released' | 'kept' | 'failed'

export interface ChannelRequest {
  readonly deviceObject: unknown
  /** Map registers; `begin` leaves them with whoever uses them. */
  readonly registers: number
  /** Runs at DISPATCH_LEVEL while the channel is the request's. */
  readonly begin: () => Begun
  /** Once with 1 while the request waits, and with -1 when it no longer does. */
  readonly wait?: (change: 1 | -1) => void
}

/** The one channel of an adapter: who has it, and who waits for it, in order. */
export class Channel implements Waiting {
  readonly #kernel: Kernel
  readonly #pool: MapRegisterPool
  readonly #queue: ChannelRequest[] = []
  #holder: ChannelRequest | undefined

  constructor(kernel: Kernel, pool: MapRegisterPool) {
    this.#kernel = kernel
    this.#pool = pool
    pool.add(this)
  }

  get held(): boolean {
    return this.#holder !== undefined
  }

  /** True when this device object has the channel or waits for it. */
  serves(deviceObject: unknown): boolean {
    return [this.#holder, ...this.#queue].some((one) => one !== undefined && one.deviceObject === deviceObject)
  }

  /** True while the request waits, or has the channel. */
  has(request: ChannelRequest): boolean {
    return this.#holder === request || this.#queue.includes(request)
  }

  /**
   * Begins at once when channel and registers are free and nobody waits.
   * @param synchronous does not wait
   * @returns also `queued`, for one that waits
   */
  submit(request: ChannelRequest, synchronous: boolean): Begun | 'queued' {
    if (this.#queue.length === 0 && this.#isFree(request)) {
      const begun = this.#begin(request)
      this.#pool.pump()
      return begun
    }
    if (synchronous) return 'failed'
    this.#queue.push(request)
    request.wait?.(1)
    // Who waits for memory only is not begun by anybody who gives registers back.
    this.#pool.pump()
    return 'queued'
  }

  /** Takes back a request that still waits; false when it does not. */
  withdraw(request: ChannelRequest): boolean {
    const at = this.#queue.indexOf(request)
    if (at === -1) return false
    this.#queue.splice(at, 1)
    request.wait?.(-1)
    return true
  }

  /** Frees the channel; whoever waits may begin. */
  release(): void {
    this.#holder = undefined
    this.#pool.pump()
  }

  pump(): boolean {
    const [next] = this.#queue
    if (next === undefined || !this.#isFree(next)) return false
    this.#queue.shift()
    next.wait?.(-1)
    if (this.#begin(next) !== 'failed') return true
    // It can still be had later: nobody was told otherwise.
    this.#queue.unshift(next)
    next.wait?.(1)
    return false
  }

  close(): void {
    for (const { wait } of this.#queue.splice(0)) wait?.(-1)
    this.#holder = undefined
    this.#pool.remove(this)
  }

  #isFree({ registers }: ChannelRequest): boolean {
    return this.#holder === undefined && this.#pool.has(registers)
  }

  /** A routine that throws has ended, too: what it was given stays with it. */
  #begin(request: ChannelRequest): Begun {
    this.#holder = request
    this.#pool.take(request.registers)
    let begun: Begun = 'released'
    try {
      const there = this.#kernel.KeGetCurrentIrql() === KIRQL.DISPATCH_LEVEL
      begun = there ? request.begin() : this.#kernel.at(KIRQL.DISPATCH_LEVEL, request.begin)
    } finally {
      if (begun !== 'kept') this.#holder = undefined
    }
    if (begun === 'failed') this.#pool.give(request.registers)
    return begun
  }
}
