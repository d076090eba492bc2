import { ProbarError } from '../../base/errors.ts'
import type { Device, Region } from '../../device/contract.ts'
import { InterruptCounter } from '../../device/interrupt-counter.ts'
import type { ClockRegister, CyclicOptions, CyclicStream, PositionRegister, StreamLatency } from '../cyclic.ts'
import { StreamRegister, StreamStatus, streamAt } from './registers.ts'
import { unlessGone } from './leaving.ts'
import { haltStream, resetStream, runStream, setUpStream, type StreamSetup } from './stream-descriptor.ts'

/** What the stream needs of its engine. */
export interface StreamOwner {
  readonly device: Device
  readonly registers: Region
  readonly clockRegister: ClockRegister | undefined
  /** @param interrupts on completion */
  running(stream: HdaStream, interrupts: boolean): void
  resting(stream: HdaStream): void
  /** Bytes that the controller wrote into the position buffer for this descriptor. */
  memoryPosition(index: number): number
  /** Gives back what the stream had. */
  closed(stream: HdaStream): void
}

export interface StreamParts {
  readonly owner: StreamOwner
  /** Of the descriptor, among all of the controller. */
  readonly index: number
  readonly setup: StreamSetup
  readonly notifies: boolean
  /** Bytes that go over the link in one of its frames. */
  readonly linkFrame: number
  /** Units of 100 ns. */
  readonly codecDelay: number
}

const DEFAULT_TIMEOUT_MS = 5000

/** A stream descriptor with its buffer. */
export class HdaStream implements CyclicStream {
  readonly size: number
  readonly index: number
  readonly latency: StreamLatency
  readonly positionRegister: PositionRegister
  readonly clockRegister: ClockRegister | undefined
  readonly #owner: StreamOwner
  readonly #registers: Region
  readonly #at: number
  readonly #setup: StreamSetup
  readonly #notifies: boolean
  readonly #counter: InterruptCounter
  #running = false
  #closed = false
  /** What the position register read when the stream had been reset: 0 by the specification. */
  #origin = 0

  /** Resets the descriptor and sets it up. */
  constructor({ owner, index, setup, notifies, linkFrame, codecDelay }: StreamParts) {
    this.size = setup.size
    this.index = index
    this.clockRegister = owner.clockRegister
    this.#owner = owner
    this.#registers = owner.registers
    this.#at = streamAt(index)
    this.#setup = setup
    this.#notifies = notifies
    this.#counter = new InterruptCounter(owner.device.clock)
    this.#counter.reset(1)
    this.#prepare()
    const fifoSize = this.#registers.read16(this.#at + StreamRegister.fifoSize)
    this.latency = { fifoSize, chipsetDelay: 0, codecDelay }
    const offset = this.#at + StreamRegister.linkPosition
    this.positionRegister = { region: owner.registers.index, offset, width: 32, accuracy: fifoSize + linkFrame }
  }

  async run(options: CyclicOptions = {}): Promise<void> {
    this.#begin(options)
    if (this.#running) return
    this.#owner.running(this, this.#notifies)
    this.#origin = 0
    runStream(this.#registers, this.#at, this.#notifies)
    this.#running = true
  }

  async pause(options: CyclicOptions = {}): Promise<void> {
    this.#begin(options)
    this.#rest()
  }

  async stop(options: CyclicOptions = {}): Promise<void> {
    this.#begin(options)
    this.#rest()
    this.#prepare()
  }

  position(): number {
    this.#open()
    const value = this.#registers.read32(this.#at + StreamRegister.linkPosition)
    if (value === 0xffff_ffff) throw gone()
    return (value - this.#origin + this.size) % this.size
  }

  /** As `position`, from the buffer in memory that the controller writes (HDA 1.0a, section 3.6.1). */
  memoryPosition(): number {
    this.#open()
    return this.#owner.memoryPosition(this.index)
  }

  notifications(): number {
    this.#open()
    this.serve()
    return this.#counter.count(0)
  }

  async notified(after: number, { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CyclicOptions = {}): Promise<number> {
    this.#open()
    if (!this.#notifies) {
      throw new ProbarError('capability-missing', 'the stream was opened without notifyAt: it announces nothing')
    }
    return this.#counter.wait(0, after, signal === undefined ? { timeoutMs } : { timeoutMs, signal })
  }

  played(): Promise<Uint8Array> {
    const text = 'a sound controller keeps nothing of what it played: record it behind the codec'
    return Promise.reject(new ProbarError('capability-missing', text))
  }

  /** Acknowledges what the descriptor announced, and counts it. */
  serve(): void {
    const at = this.#at + StreamRegister.status
    const status = this.#registers.read8(at)
    if (status === 0xff) return this.#counter.fail(gone())
    const { completed, fifoError, listError } = StreamStatus
    const seen = status & (completed | fifoError | listError)
    if (seen !== 0) this.#registers.write8(at, seen)
    if ((seen & completed) !== 0) this.#counter.fired(0)
    if ((seen & listError) !== 0) {
      const text = 'the sound controller could not read its descriptor list: a fault on the bus; look for IOMMU faults'
      this.#counter.fail(new ProbarError('bus-error', text))
    }
  }

  /** Whoever waits, or will, learns why it is in vain. */
  fail(error: ProbarError): void {
    this.#counter.fail(error)
  }

  /** Where the descriptor does not come to rest, its list stays in memory until the engine has reset the controller. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#counter.fail(new ProbarError('closed', 'the stream was closed'))
    unlessGone(() => {
      haltStream(this.#registers, this.#at)
      resetStream(this.#registers, this.#at)
    })
    this.#owner.closed(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #prepare(): void {
    resetStream(this.#registers, this.#at)
    setUpStream(this.#registers, this.#at, this.#setup)
    this.#origin = this.#registers.read32(this.#at + StreamRegister.linkPosition)
    if (this.#origin === 0xffff_ffff) throw gone()
  }

  #rest(): void {
    haltStream(this.#registers, this.#at)
    this.#running = false
    this.serve()
    this.#owner.resting(this)
  }

  #begin({ signal }: CyclicOptions): void {
    this.#open()
    if (signal?.aborted === true) throw new ProbarError('cancelled', 'it was cancelled', { cause: signal.reason })
  }

  #open(): void {
    if (this.#closed) throw new ProbarError('closed', 'the stream is closed')
  }
}

const gone = (): ProbarError =>
  new ProbarError('device-gone', 'the sound controller reads as all ones: it left the bus')
