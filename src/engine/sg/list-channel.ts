import { type Clock, sleep } from '../../base/clock.ts'
import { undoAfter } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Region } from '../../device/contract.ts'
import type { EngineOptions } from '../contract.ts'
import { ChannelRegisters, unlessGone } from './channel-registers.ts'
import { type Descriptor, encodeDescriptors } from './descriptors.ts'
import { Cause, Control, DESCRIPTOR_SIZE } from './registers.ts'
import type { RingMemory } from './ring-memory.ts'
import type { Vectors } from './vectors.ts'

const DEFAULT_TIMEOUT_MS = 5000
const POLL_MS = 1

export interface ListChannelParts {
  readonly channel: number
  readonly registers: Region
  readonly clock: Clock
  readonly vectors: Vectors
  readonly memory: RingMemory
  /** Where in that memory its ring lies, and how many descriptors it has. */
  readonly ring: { readonly offset: number; readonly size: number }
}

/** A channel that works through lists: writes descriptors, rings the bell, waits for the end. */
export class ListChannel {
  readonly registers: ChannelRegisters
  readonly #parts: ListChannelParts
  /** Where the next descriptor goes. */
  #tail = 0
  #ready = false

  constructor(parts: ListChannelParts) {
    this.#parts = parts
    this.registers = new ChannelRegisters(parts.registers, parts.channel)
  }

  /** Runs one command. When it fails, the device has been told to give it up. */
  async run(list: readonly Descriptor[], options: EngineOptions): Promise<void> {
    const byInterrupt = options.completion === 'interrupt'
    if (byInterrupt) this.#parts.vectors.arm()
    const waiting = this.#waiting(options)
    try {
      this.#begin(list, byInterrupt, waiting)
      await (byInterrupt ? this.#announced(waiting) : this.#ended(waiting))
    } catch (error) {
      undoAfter(error, [() => this.#quiet()])
    }
  }

  /** The device raises the channel's interrupt by itself; resolves with its count. */
  async interrupt(options: EngineOptions): Promise<number> {
    const { vectors } = this.#parts
    vectors.arm()
    const waiting = this.#waiting(options)
    waiting.check()
    this.registers.write('interruptEnable', Cause.done | Cause.raised)
    this.registers.write('raise', 1)
    return await this.#until(Cause.raised, waiting)
  }

  /** Tells the device to give up what runs; `rest` of the registers says when it has. */
  giveUp(): void {
    if (this.registers.busy) this.registers.write('control', Control.abort)
  }

  #begin(list: readonly Descriptor[], byInterrupt: boolean, { check }: Waiting): void {
    check()
    const { ring, memory } = this.#parts
    if (!this.#ready) this.#setUp()
    const bytes = encodeDescriptors(
      list.map((descriptor, index) => ({ ...descriptor, notify: byInterrupt && index === list.length - 1 })),
    )
    for (let index = 0; index < list.length; index++) {
      const place = ring.offset + ((this.#tail + index) % ring.size) * DESCRIPTOR_SIZE
      memory.write(place, bytes.subarray(index * DESCRIPTOR_SIZE, (index + 1) * DESCRIPTOR_SIZE))
    }
    this.#tail = (this.#tail + list.length) % ring.size
    this.registers.write('tail', this.#tail)
  }

  #setUp(): void {
    const { memory, ring } = this.#parts
    this.registers.reset()
    this.registers.write64('ringBase', memory.at(ring.offset))
    this.registers.write('ringSize', ring.size)
    this.registers.write('interruptEnable', Cause.done | Cause.raised)
    this.registers.write('control', Control.run)
    this.#tail = 0
    this.#ready = true
  }

  async #ended({ left, check, signal }: Waiting): Promise<void> {
    while (this.registers.busy) {
      left()
      await sleep(this.#parts.clock, POLL_MS, signal)
    }
    // Told to give up, the device is idle as well.
    check()
    this.#checkAll()
  }

  async #announced(waiting: Waiting): Promise<void> {
    await this.#until(Cause.done, waiting)
    if (this.registers.busy) {
      throw new ProbarError('interrupt-unavailable', 'sg announced the end of a list that it still works on')
    }
    this.#checkAll()
  }

  /** @throws ProbarError device-error when the device stopped before the end of the list */
  #checkAll(): void {
    this.registers.takeError()
    const head = this.registers.read('head')
    if (head === this.#tail) return
    throw new ProbarError('device-error', `sg is idle at descriptor ${head} of its ring, not at the end, ${this.#tail}`)
  }

  /** The first interrupts may be late news of what nobody waited for. */
  async #until(cause: number, { before, left, signal }: Waiting): Promise<number> {
    const { vectors, channel } = this.#parts
    for (let seen = before; ;) {
      seen = await vectors.interrupts.wait(channel, seen, { timeoutMs: left(), ...(signal && { signal }) })
      if ((this.registers.read('interruptStatus') & cause) === 0) continue
      this.registers.write('interruptStatus', cause)
      return seen
    }
  }

  #waiting({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: EngineOptions): Waiting {
    const { clock, vectors, channel } = this.#parts
    const deadline = clock.now() + timeoutMs
    const count = vectors.armed ? vectors.interrupts.count(channel) : 0
    const check = (): void => {
      if (signal?.aborted === true) {
        throw new ProbarError('cancelled', 'the transfer was cancelled', { cause: signal.reason })
      }
    }
    const left = (): number => {
      check()
      const rest = deadline - clock.now()
      if (rest > 0) return rest
      throw new ProbarError('timeout', `sg did not finish within ${timeoutMs} ms; reset the device`)
    }
    return { before: count, left, check, signal }
  }

  /** After a failure: no access follows. A device that is gone, or closed, is quiet by itself. */
  #quiet(): void {
    this.#ready = false
    unlessGone(() => this.registers.reset())
  }
}

interface Waiting {
  /** Interrupts of the channel before. */
  readonly before: number
  /** Milliseconds that are left. @throws ProbarError timeout, cancelled */
  readonly left: () => number
  readonly check: () => void
  readonly signal: AbortSignal | undefined
}
