import type { Clock } from '../../../../base/clock.ts'
import { type Descriptor, DescriptorStatus } from './descriptor.ts'
import type { DeviceMemory } from './device-memory.ts'
import { Cause, ErrorCode, MAX_TRANSFER, Status } from './registers.ts'
import type { Ring } from './ring.ts'

/** To fetch a descriptor, and to move a burst: slow enough that somebody sees a transfer under way. */
const FETCH_MS = 1
const BURST_MS = 0.125
const BURST_BYTES = 512

interface Job {
  readonly descriptor: Descriptor
  moved: number
  error: ErrorCode
}

/** A channel that works through descriptors until `head` has come to `tail`. */
export class ListMotion {
  readonly #clock: Clock
  readonly #ring: Ring
  readonly #memory: DeviceMemory
  #timer: Disposable | undefined
  #job: Job | undefined
  /** Stops behind the descriptor that it has. */
  #draining = false

  constructor(clock: Clock, ring: Ring, memory: DeviceMemory) {
    this.#clock = clock
    this.#ring = ring
    this.#memory = memory
  }

  get busy(): boolean {
    return this.#timer !== undefined
  }

  start(): void {
    const { isHalted, head, tail, size } = this.#ring
    this.#draining = false
    if (isHalted || head === tail) return
    if (tail >= size) {
      this.end()
      return this.#ring.halt(ErrorCode.badSetup, 0n)
    }
    if (this.busy) return
    this.#after(FETCH_MS, () => this.#begin())
  }

  drain(): void {
    this.#draining = true
  }

  /** No access follows but the status of the descriptor that it had. */
  abort(): void {
    if (!this.busy) return
    const job = this.#job
    this.end()
    if (job !== undefined) this.#ring.writeBack(DescriptorStatus.aborted, job.moved)
    this.#ring.state |= Status.aborted
    this.#ring.event(Cause.aborted)
  }

  /** At once, without a word. */
  end(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#job = undefined
  }

  #after(ms: number, act: () => void): void {
    this.#timer = this.#clock.setTimer(ms, () => {
      this.#timer = undefined
      act()
    })
  }

  #begin(): void {
    const descriptor = this.#ring.fetch()
    if (descriptor === undefined) return
    const error = this.#errorOf(descriptor)
    this.#job = { descriptor, moved: 0, error }
    if (error === ErrorCode.none) return this.#after(BURST_MS, () => this.#burst())
    this.#ring.fail(error, descriptor.bus)
    this.#finish(this.#job)
  }

  #errorOf(descriptor: Descriptor): ErrorCode {
    const { length, deviceAddress } = descriptor
    const error = this.#ring.addressError(descriptor)
    if (length > MAX_TRANSFER || error === ErrorCode.badDescriptor) return ErrorCode.badDescriptor
    if (deviceAddress + BigInt(length) > BigInt(this.#memory.bytes.length)) return ErrorCode.badDeviceAddress
    return error
  }

  #burst(): void {
    const job = this.#job
    if (job === undefined) return
    this.#move(job)
    if (job.moved < job.descriptor.length) return this.#after(BURST_MS, () => this.#burst())
    this.#finish(job)
  }

  #move(job: Job): void {
    const { descriptor } = job
    const length = Math.min(BURST_BYTES, descriptor.length - job.moved)
    const bus = descriptor.bus + BigInt(job.moved)
    const at = Number(descriptor.deviceAddress) + job.moved
    const refused = descriptor.toMemory ? this.#store(bus, at, length) : this.#load(bus, at, length)
    job.moved += length
    if (refused === undefined) return
    if (job.error === ErrorCode.none) job.error = ErrorCode.dataRefused
    this.#ring.fail(ErrorCode.dataRefused, refused)
  }

  #store(bus: bigint, at: number, length: number): bigint | undefined {
    return this.#ring.port.write(bus, this.#memory.bytes.slice(at, at + length))
  }

  #load(bus: bigint, at: number, length: number): bigint | undefined {
    const { bytes, refused } = this.#ring.port.read(bus, length)
    this.#memory.bytes.set(bytes, at)
    return refused
  }

  #finish({ descriptor, moved, error }: Job): void {
    this.#job = undefined
    const ring = this.#ring
    ring.writeBack(error === ErrorCode.none ? DescriptorStatus.done : DescriptorStatus.error | (error << 8), moved)
    if (ring.isHalted) return
    ring.step()
    if (!this.#draining) this.start()
    if (descriptor.notify) ring.event(Cause.done)
  }
}
