import type { Clock } from '../../../../base/clock.ts'
import { CyclicMotion } from './cyclic-motion.ts'
import type { DeviceMemory } from './device-memory.ts'
import { ListMotion } from './list-motion.ts'
import { RegisterTable, type TableRegister } from './register-table.ts'
import { Cause, ChannelRegister, Control, CONTROL_KEPT, ErrorCode, Status, TAP_SIZE } from './registers.ts'
import { Ring, type RingWiring } from './ring.ts'

export interface ChannelWiring extends RingWiring {
  readonly clock: Clock
  readonly memory: DeviceMemory
}

/** One channel: its page of registers over a ring, which it works through as a list or walks round and round. */
export class Channel implements Disposable {
  readonly registers: RegisterTable
  readonly #ring: Ring
  readonly #list: ListMotion
  readonly #cyclic: CyclicMotion
  readonly #tapStart: number
  #control = 0

  constructor(wiring: ChannelWiring) {
    const { clock, memory, channel } = wiring
    this.#tapStart = channel * TAP_SIZE
    this.#ring = new Ring(wiring)
    this.#list = new ListMotion(clock, this.#ring, memory)
    this.#cyclic = new CyclicMotion(clock, this.#ring, memory.bytes.subarray(this.#tapStart, this.#tapStart + TAP_SIZE))
    this.registers = new RegisterTable(
      this.#table().map((register) => ({ ...register, read: this.#current(register) })),
    )
  }

  /** What a reset of the function does. */
  reset(): void {
    this[Symbol.dispose]()
    this.#control = 0
    this.#ring.clear()
    this.#cyclic.clear()
    this.#ring.port.clear()
  }

  [Symbol.dispose](): void {
    this.#list.end()
    this.#cyclic.end()
  }

  /** A register says what is so at the moment of the read. */
  #current(register: TableRegister): TableRegister['read'] {
    return () => {
      this.#cyclic.catchUp()
      return register.read()
    }
  }

  get #busy(): boolean {
    return this.#list.busy || this.#cyclic.busy
  }

  get #status(): number {
    const busy = this.#busy ? Status.busy : 0
    return this.#ring.state | busy | (this.#ring.errorCode === ErrorCode.none ? 0 : Status.error)
  }

  #write(value: number): void {
    if ((value & Control.reset) !== 0) return this.#rewind()
    if ((value & Control.abort) !== 0) return this.#abort()
    const running = (this.#control & Control.run) !== 0
    // The mode is that of the moment in which the channel was started.
    const mode = running ? this.#control & ~Control.run : value & CONTROL_KEPT & ~Control.run
    this.#control = mode | (value & Control.run)
    if ((value & Control.run) !== 0) this.#run()
    else this.#stop()
  }

  #run(): void {
    this.#ring.state &= ~Status.aborted
    if ((this.#control & Control.cyclic) === 0) this.#list.start()
    else this.#cyclic.start((this.#control & Control.input) !== 0)
  }

  #stop(): void {
    this.#list.drain()
    this.#cyclic.stop()
  }

  #abort(): void {
    this.#control &= ~Control.run
    this.#cyclic.stop()
    this.#list.abort()
  }

  #rewind(): void {
    this.#control = 0
    this.#list.end()
    this.#cyclic.stop()
    this.#cyclic.rewind()
    this.#ring.rewind()
  }

  #moveTail(value: number): void {
    this.#ring.tail = value
    if ((this.#control & (Control.run | Control.cyclic)) === Control.run) this.#list.start()
  }

  #table(): readonly TableRegister[] {
    const [ring, cyclic, at] = [this.#ring, this.#cyclic, ChannelRegister]
    const { port } = ring
    return [
      { offset: at.control, read: () => this.#control, write: (value) => this.#write(Number(value)) },
      { offset: at.status, read: () => this.#status },
      {
        offset: at.interruptStatus,
        read: () => ring.interruptStatus,
        write: (value) => (ring.interruptStatus &= ~Number(value)),
      },
      {
        offset: at.interruptEnable,
        read: () => ring.interruptEnable,
        write: (value) => (ring.interruptEnable = Number(value) & 0x1f),
      },
      {
        offset: at.ringBase,
        bytes: 8,
        read: () => ring.base,
        write: (value) => this.#place(() => (ring.base = value)),
      },
      {
        offset: at.ringSize,
        read: () => ring.size,
        write: (value) => this.#place(() => (ring.size = Number(value))),
      },
      { offset: at.tail, read: () => ring.tail, write: (value) => this.#moveTail(Number(value)) },
      { offset: at.head, read: () => ring.head },
      { offset: at.raise, read: () => 0, write: () => ring.event(Cause.raised) },
      { offset: at.errorAddress, bytes: 8, read: () => ring.errorAddress },
      { offset: at.errorCode, read: () => ring.errorCode, write: () => ring.clearError() },
      { offset: at.rate, read: () => cyclic.rate, write: (value) => this.#pace(() => (cyclic.rate = Number(value))) },
      { offset: at.unit, read: () => cyclic.unit, write: (value) => this.#pace(() => (cyclic.unit = Number(value))) },
      { offset: at.position, read: () => cyclic.position },
      { offset: at.total, bytes: 8, read: () => cyclic.total },
      { offset: at.received, bytes: 8, read: () => cyclic.received },
      { offset: at.tapStart, read: () => this.#tapStart },
      { offset: at.tapSize, read: () => TAP_SIZE },
      { offset: at.notifications, read: () => cyclic.notifications },
      { offset: at.reads, bytes: 8, read: () => port.reads },
      { offset: at.writes, bytes: 8, read: () => port.writes },
      { offset: at.readBytes, bytes: 8, read: () => port.readBytes },
      { offset: at.writtenBytes, bytes: 8, read: () => port.writtenBytes },
    ]
  }

  /** The ring is where it is as long as the channel works with it. */
  #place(set: () => void): void {
    if (!this.#busy) set()
  }

  /** The pace is set while the channel stands still. */
  #pace(set: () => void): void {
    if ((this.#control & Control.run) === 0) set()
  }
}
