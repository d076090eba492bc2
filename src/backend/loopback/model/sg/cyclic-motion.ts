import type { Clock } from '../../../../base/clock.ts'
import type { Descriptor } from './descriptor.ts'
import { Cause, ErrorCode } from './registers.ts'
import type { Ring } from './ring.ts'

/** Bytes are moved at least so often, and whenever a register of the channel is read. */
const TICK_MS = 1
/** What an input stream records: its byte i is i modulo this. */
const COUNTER = 251n
/** Of a byte: what is lost when a time is turned into bytes. */
const ROUNDING = 1e-6

/** Where an output stream leaves what it received: a part of the device's memory, used round and round. */
export type Tap = Uint8Array

/** A channel that walks through all descriptors of its ring, round and round, at the pace of its rate. */
export class CyclicMotion {
  /** Bytes a second. */
  rate = 0
  /** Bytes that are moved at once. */
  unit = 1
  /** Bytes from the start of the first descriptor. */
  position = 0
  /** Bytes since the channel was reset. */
  total = 0n
  /** Bytes that came into the tap since the stream began. */
  received = 0n
  notifications = 0
  readonly #clock: Clock
  readonly #ring: Ring
  readonly #tap: Tap
  #input = false
  #timer: Disposable | undefined
  #descriptor: Descriptor | undefined
  /** Bytes moved of the descriptor. */
  #moved = 0
  #startedAt = 0
  #startedWith = 0n

  constructor(clock: Clock, ring: Ring, tap: Tap) {
    this.#clock = clock
    this.#ring = ring
    this.#tap = tap
  }

  get busy(): boolean {
    return this.#timer !== undefined
  }

  start(input: boolean): void {
    if (this.busy || this.#ring.isHalted) return
    if (this.rate === 0 || this.unit === 0) return this.#ring.halt(ErrorCode.badSetup, 0n)
    this.#input = input
    this.#startedAt = this.#clock.now()
    this.#startedWith = this.total
    if (this.total === 0n) this.received = 0n
    if (this.#descriptor === undefined && !this.#enter()) return
    this.#schedule()
  }

  /** Moves what is due. */
  catchUp(): void {
    if (!this.busy) return
    const elapsed = ((this.#clock.now() - this.#startedAt) * this.rate) / 1000 + ROUNDING
    const due = this.#startedWith + BigInt(Math.floor(elapsed / this.unit) * this.unit)
    while (this.busy && this.total < due) this.#move(Number(due - this.total))
  }

  stop(): void {
    this.catchUp()
    this.end()
  }

  /** At once, without moving anything more. */
  end(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  /** The position is 0 again; what came into the tap stays there until the next start. */
  rewind(): void {
    this.end()
    this.position = this.notifications = this.#moved = 0
    this.total = 0n
    this.#descriptor = undefined
  }

  clear(): void {
    this.rewind()
    this.rate = 0
    this.unit = 1
    this.received = 0n
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(Math.min(TICK_MS, this.#untilNotification()), () => {
      this.catchUp()
      if (this.busy) this.#schedule()
    })
  }

  /** Milliseconds until the descriptor has been moved, if its end interrupts. */
  #untilNotification(): number {
    if (this.#descriptor?.notify !== true) return TICK_MS
    const bytes = Number(this.total - this.#startedWith) + this.#descriptor.length - this.#moved
    const whole = Math.ceil(bytes / this.unit) * this.unit
    return Math.max(0, this.#startedAt + (whole * 1000) / this.rate - this.#clock.now())
  }

  #move(most: number): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    const length = Math.min(most, descriptor.length - this.#moved)
    const bus = descriptor.bus + BigInt(this.#moved)
    const refused = this.#input ? this.#record(bus, length) : this.#play(bus, length)
    if (refused !== undefined) this.#ring.fail(ErrorCode.dataRefused, refused)
    this.#moved += length
    this.position += length
    this.total += BigInt(length)
    if (this.#moved === descriptor.length) this.#leave(descriptor)
  }

  #record(bus: bigint, length: number): bigint | undefined {
    const first = Number(this.total % COUNTER)
    return this.#ring.port.write(
      bus,
      Uint8Array.from({ length }, (_, i) => (first + i) % Number(COUNTER)),
    )
  }

  #play(bus: bigint, length: number): bigint | undefined {
    const { bytes, refused } = this.#ring.port.read(bus, length)
    const size = this.#tap.length
    const first = Number(this.received % BigInt(size))
    for (const [i, byte] of bytes.entries()) this.#tap[(first + i) % size] = byte
    this.received += BigInt(length)
    return refused
  }

  #leave({ notify }: Descriptor): void {
    this.#ring.step()
    if (this.#ring.head === 0) this.position = 0
    if (notify) {
      this.notifications++
      this.#ring.event(Cause.notify)
    }
    this.#enter()
  }

  /** @returns whether there is a descriptor to go on with; otherwise the channel has halted */
  #enter(): boolean {
    this.#moved = 0
    this.#descriptor = this.#ring.fetch()
    if (this.#descriptor === undefined) {
      this.end()
      return false
    }
    const error = this.#ring.addressError(this.#descriptor)
    if (error === ErrorCode.none) return true
    this.end()
    this.#ring.halt(error, this.#descriptor.bus)
    return false
  }
}
