import type { Clock } from '../../../../base/clock.ts'
import type { Width } from '../../../../device/register-access.ts'
import type { Model, ModelShape, ModelWiring } from '../model.ts'
import type { RegisterFile } from '../registers.ts'
import { Channel } from './channel.ts'
import { DeviceMemory } from './device-memory.ts'
import { CountingPort } from './port.ts'
import { RegisterTable } from './register-table.ts'
import {
  BAR0_SIZE,
  CHANNELS,
  channelPage,
  CLOCK_FREQUENCY,
  GENERAL_VECTOR,
  GlobalRegister,
  IDENTIFICATION,
  MAX_RING,
  MAX_TRANSFER,
  MEMORY_SIZE,
  MSIX_PENDING,
  MSIX_TABLE,
} from './registers.ts'
import { type FetchDescriptor, fetchDescriptor } from './ring.ts'

export const sgShape: ModelShape = {
  vendor: 0x1234,
  device: 0x5347,
  subsystemVendor: 0x1234,
  subsystem: 0x0001,
  revision: 0x01,
  classCode: 0x08_8000,
  bars: [
    { index: 0, size: BAR0_SIZE, start: 0xfea0_0000n, addressBits: 32, prefetchable: false },
    { index: 2, size: MEMORY_SIZE, start: 0x40_0000_0000n, addressBits: 64, prefetchable: true },
  ],
  vectors: { intx: 0, msi: 0, msix: CHANNELS + 1 },
  msix: { bar: 0, table: MSIX_TABLE, pending: MSIX_PENDING },
  functionReset: true,
}

/** sg, a list-driven DMA device of Probar's own (docs/devices/sg.md). */
export class Sg implements Model, RegisterFile {
  readonly registers: ReadonlyMap<number, RegisterFile>
  readonly #clock: Clock
  readonly #memory = new DeviceMemory(MEMORY_SIZE)
  readonly #channels: readonly Channel[]
  readonly #global: RegisterTable
  #inverse = 0
  #scratch = 0n
  /** Channels that have halted since somebody cleared their bits. */
  #halts = 0
  #clockStart = 0

  constructor({ clock, bus, line, dmaMask }: ModelWiring, fetch: FetchDescriptor = fetchDescriptor) {
    this.#clock = clock
    this.#channels = Array.from({ length: CHANNELS }, (_, channel) => {
      const interrupt = (cause: number): void => line.raise(cause, channel)
      const halted = (): void => {
        this.#halts |= 1 << channel
        line.raise(0, GENERAL_VECTOR)
      }
      const port = new CountingPort(bus)
      return new Channel({ channel, clock, port, memory: this.#memory, dmaMask, fetch, interrupt, halted })
    })
    this.#global = this.#table(dmaMask.toString(2).length, () => line.raise(0, GENERAL_VECTOR))
    this.registers = new Map<number, RegisterFile>([
      [0, this],
      [2, this.#memory],
    ])
  }

  read(offset: number, width: Width): bigint {
    const [registers, at] = this.#page(offset)
    return registers === undefined ? 0n : registers.read(at, width)
  }

  write(offset: number, width: Width, value: bigint): void {
    const [registers, at] = this.#page(offset)
    registers?.write(at, width, value)
  }

  /** All registers and the memory are as when the power came on. */
  reset(): void {
    for (const channel of this.#channels) channel.reset()
    this.#memory.bytes.fill(0)
    this.#inverse = this.#halts = 0
    this.#scratch = 0n
    this.#clockStart = this.#clock.now()
  }

  [Symbol.dispose](): void {
    for (const channel of this.#channels) channel[Symbol.dispose]()
  }

  #page(offset: number): readonly [RegisterTable | undefined, number] {
    const at = offset % channelPage(0)
    if (offset === at) return [this.#global, at]
    return [this.#channels[(offset - at) / channelPage(0) - 1]?.registers, at]
  }

  #table(addressBits: number, raise: () => void): RegisterTable {
    const at = GlobalRegister
    return new RegisterTable([
      { offset: at.identification, read: () => IDENTIFICATION },
      { offset: at.inverse, read: () => this.#inverse, write: (value) => (this.#inverse = ~Number(value) >>> 0) },
      { offset: at.scratch, bytes: 8, read: () => this.#scratch, write: (value) => (this.#scratch = value) },
      { offset: at.channels, read: () => CHANNELS },
      { offset: at.addressBits, read: () => addressBits },
      { offset: at.maxRing, read: () => MAX_RING },
      { offset: at.maxTransfer, read: () => MAX_TRANSFER },
      { offset: at.memorySize, read: () => MEMORY_SIZE },
      { offset: at.alignment, read: () => 1 },
      { offset: at.clockFrequency, read: () => CLOCK_FREQUENCY },
      { offset: at.clock, bytes: 8, read: () => this.#ticks() },
      { offset: at.raise, read: () => 0, write: raise },
      { offset: at.haltStatus, read: () => this.#halts, write: (value) => (this.#halts &= ~Number(value)) },
    ])
  }

  #ticks(): bigint {
    return BigInt(Math.floor((this.#clock.now() - this.#clockStart) * (CLOCK_FREQUENCY / 1000)))
  }
}
