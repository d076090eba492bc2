import type { Clock } from '../../base/clock.ts'
import { codeOf, ProbarError } from '../../base/errors.ts'
import type {
  ClockRegister,
  CyclicOptions,
  CyclicStream,
  Direction,
  PositionRegister,
  StreamLatency,
} from '../cyclic.ts'
import { type ChannelRegisters, unlessGone } from './channel-registers.ts'
import type { DeviceMemory } from './device-memory.ts'
import { Cause, channelPage, ChannelRegister, Control, REGISTERS_BAR, Status } from './registers.ts'
import type { Vectors } from './vectors.ts'

export interface StreamParts {
  readonly channel: number
  readonly registers: ChannelRegisters
  readonly memory: DeviceMemory
  readonly vectors: Vectors
  readonly clock: Clock
  readonly clockRegister: ClockRegister
  readonly setup: StreamSetup
  readonly closed: () => void
}

export interface StreamSetup {
  readonly direction: Direction
  /** Bytes of the buffer. */
  readonly size: number
  readonly ringBase: bigint
  readonly ringSize: number
  /** Bytes a second. */
  readonly rate: number
  /** Bytes of a sample frame. */
  readonly frame: number
  readonly notifies: boolean
}

const DEFAULT_TIMEOUT_MS = 5000

/** A channel of sg that walks through a buffer round and round. */
export class SgStream implements CyclicStream {
  readonly size: number
  /** Nothing stands between memory and the device's tap. */
  readonly latency: StreamLatency = { fifoSize: 0, chipsetDelay: 0, codecDelay: 0 }
  readonly positionRegister: PositionRegister
  readonly clockRegister: ClockRegister
  readonly #parts: StreamParts
  readonly #mode: number
  readonly #ending = new AbortController()
  /** Interrupts of the vector before it was opened. */
  readonly #before: number
  #closed = false

  constructor(parts: StreamParts) {
    const { channel, setup, vectors } = parts
    this.#parts = parts
    this.size = setup.size
    this.clockRegister = parts.clockRegister
    const offset = channelPage(channel) + ChannelRegister.position
    this.positionRegister = { region: REGISTERS_BAR, offset, width: 32, accuracy: 0 }
    this.#mode = Control.cyclic | (setup.direction === 'input' ? Control.input : 0)
    this.#before = setup.notifies ? vectors.interrupts.count(channel) : 0
    this.#setUp()
  }

  async run({ signal }: CyclicOptions = {}): Promise<void> {
    const registers = this.#open(signal)
    registers.write('control', this.#mode | Control.run)
    if ((registers.read('status') & Status.halted) === 0) return
    registers.takeError()
    throw new ProbarError('device-error', 'sg halted as soon as the stream ran')
  }

  async pause({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CyclicOptions = {}): Promise<void> {
    const registers = this.#open(signal)
    registers.write('control', this.#mode)
    await registers.rest(this.#parts.clock, timeoutMs)
  }

  async stop({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CyclicOptions = {}): Promise<void> {
    const registers = this.#open(signal)
    registers.reset()
    await registers.rest(this.#parts.clock, timeoutMs)
    registers.write('control', this.#mode)
  }

  position(): number {
    return this.#open().read('position')
  }

  notifications(): number {
    this.#open()
    const { setup, vectors, channel } = this.#parts
    return setup.notifies ? vectors.interrupts.count(channel) - this.#before : 0
  }

  async notified(after: number, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CyclicOptions = {}): Promise<number> {
    this.#open(signal)
    const { setup, vectors, channel } = this.#parts
    if (!setup.notifies) {
      throw new ProbarError('capability-missing', 'the stream was opened without a place to notify at')
    }
    const ending = this.#ending.signal
    const either = signal === undefined ? ending : AbortSignal.any([ending, signal])
    try {
      const count = await vectors.interrupts.wait(channel, this.#before + after, { timeoutMs, signal: either })
      return count - this.#before
    } catch (error) {
      if (this.#closed && codeOf(error) === 'cancelled') throw closedError()
      throw error
    }
  }

  async played(): Promise<Uint8Array> {
    const registers = this.#open()
    if (this.#parts.setup.direction === 'input') {
      throw new ProbarError('capability-missing', 'an input stream plays nothing')
    }
    const [start, size] = [registers.read('tapStart'), registers.read('tapSize')]
    const received = registers.read64('received')
    if (received <= BigInt(size)) return this.#tap(start, 0, Number(received))
    const oldest = Number(received % BigInt(size))
    return Uint8Array.from([...this.#tap(start, oldest, size), ...this.#tap(start, 0, oldest)])
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#ending.abort()
    try {
      unlessGone(() => this.#parts.registers.halt())
    } finally {
      this.#parts.closed()
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #setUp(): void {
    const { registers, setup } = this.#parts
    registers.halt()
    registers.write('errorCode', 0)
    registers.write64('ringBase', setup.ringBase)
    registers.write('ringSize', setup.ringSize)
    registers.write('rate', setup.rate)
    registers.write('unit', setup.frame)
    registers.write('interruptEnable', setup.notifies ? Cause.notify : 0)
    registers.write('control', this.#mode)
  }

  /** The bytes [from, to) of the tap. */
  #tap(start: number, from: number, to: number): Uint8Array {
    const first = from - (from % 4)
    return this.#parts.memory.take(start + first, to - first).slice(from - first)
  }

  #open(signal?: AbortSignal): ChannelRegisters {
    if (this.#closed) throw closedError()
    if (signal?.aborted === true) throw new ProbarError('cancelled', 'it was cancelled', { cause: signal.reason })
    return this.#parts.registers
  }
}

const closedError = (): ProbarError => new ProbarError('closed', 'the stream is closed: open another one')
