import { type PhysicalAddress, physicalAddress } from '../../../../src/base/address.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import type { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import type { HostMemory, Region, RegionView } from '../../../../src/device/contract.ts'
import { allOnes, type Width, WidthAccesses } from '../../../../src/device/register-access.ts'
import { interpret } from '../../../../src/device/register-program/interpret.ts'
import type { RegisterProgram } from '../../../../src/device/register-program/program.ts'
import { type Codec, question } from './codecs.ts'

/** What a controller does otherwise than most. */
export interface Habits {
  /** Commands in the ring are never taken, or never answered. */
  readonly deadRings?: boolean
  /** Milliseconds until a command's answer is in the ring, by its number among all; at once unless told. */
  readonly lateBy?: (command: number) => number
  readonly noImmediateCommands?: boolean
  /** Reset bits of streams and of the ring's pointer read 0 at once. */
  readonly resetsItself?: boolean
  /** CRST never reads what was written. */
  readonly stuckInReset?: boolean
  /** RUN of a stream never reads 0 again. */
  readonly runsOn?: boolean
  readonly clockStands?: boolean
  /** GCAP; two inputs, two outputs and 64-bit addresses unless told. */
  readonly capabilities?: number
}

const STREAMS = 0x80

/**
 * The registers of a sound controller with one codec, as far as an engine looks at them: written from the HDA
 * specification, with no streams that move by themselves.
 */
export class FakeController extends WidthAccesses implements Region {
  readonly access64 = 'whole'
  readonly index = 0
  readonly kind = 'memory'
  readonly size = 0x4000
  readonly extent = 0x4000
  readonly start: PhysicalAddress = physicalAddress(0xf000_0000)
  readonly prefetchable = false
  readonly addressBits = 32
  readonly mappable = false
  readonly mappableAreas = []
  readonly registers = new DataView(new ArrayBuffer(0x4000))
  /** Commands that reached the codec, in order, as eight hexadecimal digits. */
  readonly commands: string[] = []
  /** Every store: register in hexadecimal, width in bits, value. */
  readonly stores: string[] = []
  /** The device left the bus. */
  gone = false
  readonly #memory: (bus: bigint) => { readonly memory: HostMemory; readonly offset: number }
  readonly #codec: Codec | undefined
  readonly #habits: Habits
  readonly #clock: VirtualClock

  /** @param memory where a bus address leads */
  constructor(
    memory: (bus: bigint) => { readonly memory: HostMemory; readonly offset: number },
    clock: VirtualClock,
    codec: Codec | undefined,
    habits: Habits = {},
  ) {
    super()
    this.#memory = memory
    this.#clock = clock
    this.#codec = codec
    this.#habits = habits
    this.#reset()
  }

  readBlock(): void {
    throw new Error('the engine reads no blocks')
  }

  writeBlock(): void {
    throw new Error('the engine writes no blocks')
  }

  map(): RegionView {
    throw new Error('the engine maps no registers')
  }

  run(program: RegisterProgram): BigUint64Array {
    const load = (offset: number, width: Width): bigint => this.load(offset, width)
    const store = (offset: number, width: Width, value: bigint): void => this.store(offset, width, value)
    return interpret(program, { load, store }, this.#clock)
  }

  protected load(offset: number, width: Width): bigint {
    if (this.gone) return allOnes(width)
    if (offset === 0x30) return BigInt(this.#habits.clockStands === true ? 0 : Math.floor(this.#clock.now() * 24_000))
    const bytes = Array.from(
      { length: width },
      (_, at) => BigInt(this.registers.getUint8(offset + at)) << BigInt(8 * at),
    )
    return bytes.reduce((sum, byte) => sum | byte, 0n)
  }

  protected store(offset: number, width: Width, wide: bigint): void {
    if (this.gone) return
    const value = Number(wide)
    this.stores.push(`${offset.toString(16)}:${8 * width} ${value.toString(16)}`)
    if (offset === 0x08) return this.#writeGlobalControl(value)
    if (offset === 0x0e) return this.registers.setUint16(0x0e, this.registers.getUint16(0x0e, true) & ~value, true)
    if (offset >= STREAMS && offset < 0x180 && offset % 0x20 === 0) return this.#writeStreamControl(offset, value)
    if (offset >= STREAMS && offset < 0x180 && offset % 0x20 === 3) {
      return this.registers.setUint8(offset, this.registers.getUint8(offset) & ~value)
    }
    if (width === 1) this.registers.setUint8(offset, value)
    if (width === 2) this.registers.setUint16(offset, value, true)
    if (width === 4) this.registers.setUint32(offset, value, true)
    this.#afterStore(offset, value)
  }

  #afterStore(offset: number, value: number): void {
    if (offset === 0x48 && (this.registers.getUint8(0x4c) & 2) !== 0) this.#takeCommand(value)
    if (offset === 0x4a && this.#habits.resetsItself === true) this.registers.setUint16(0x4a, 0, true)
    if (offset === 0x58) this.registers.setUint16(0x58, 0, true)
    if (offset === 0x5d) this.registers.setUint8(0x5d, 0)
    if (offset === 0x68 && (value & 1) !== 0 && this.#habits.noImmediateCommands !== true) {
      this.registers.setUint32(0x64, this.#answer(this.registers.getUint32(0x60, true)), true)
      this.registers.setUint16(0x68, 2, true)
    }
  }

  #writeGlobalControl(value: number): void {
    if (this.#habits.stuckInReset === true) return
    const before = this.registers.getUint8(0x08) & 1
    if ((value & 1) === 0) this.#reset()
    this.registers.setUint32(0x08, value & 1, true)
    const codecs = this.#codec === undefined ? 0 : 1
    if (before === 0 && (value & 1) === 1) this.registers.setUint16(0x0e, codecs, true)
  }

  #writeStreamControl(at: number, value: number): void {
    const running = this.registers.getUint8(at) & 2
    if ((value & 1) !== 0) {
      for (let byte = 0; byte < 0x20; byte++) this.registers.setUint8(at + byte, 0)
      this.registers.setUint16(at + 0x10, 192, true)
    }
    const shown = this.#habits.resetsItself === true ? value & ~1 : value
    this.registers.setUint8(at, this.#habits.runsOn === true ? shown | running : shown)
  }

  #reset(): void {
    for (let byte = 0; byte < 0x200; byte++) this.registers.setUint8(byte, 0)
    this.registers.setUint16(0x00, this.#habits.capabilities ?? 0x2201, true)
    this.registers.setUint8(0x4e, 0x40)
    this.registers.setUint8(0x5e, 0x20)
    for (let at = STREAMS; at < 0x180; at += 0x20) this.registers.setUint16(at + 0x10, 192, true)
  }

  #takeCommand(index: number): void {
    if (this.#habits.deadRings === true) return
    const { registers } = this
    const from = this.#memory(registers.getBigUint64(0x40, true) + BigInt(4 * index))
    const bytes = from.memory.read(from.offset, 4)
    const answer = this.#answer(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true))
    const late = this.#habits.lateBy?.(this.commands.length) ?? 0
    if (late === 0) this.#respond(answer)
    else this.#clock.setTimer(late, () => this.#respond(answer))
  }

  #respond(answer: number): void {
    const { registers } = this
    // The controller was reset meanwhile.
    if ((registers.getUint8(0x5c) & 2) === 0) return
    const written = (registers.getUint16(0x58, true) + 1) % 16
    const to = this.#memory(registers.getBigUint64(0x50, true) + BigInt(8 * written))
    const response = new Uint8Array(8)
    new DataView(response.buffer).setUint32(0, answer, true)
    to.memory.write(to.offset, response)
    registers.setUint16(0x58, written, true)
    registers.setUint8(0x5d, 1)
  }

  #answer(command: number): number {
    this.commands.push(command.toString(16).padStart(8, '0'))
    const [node, verb] = [(command >>> 20) & 0x7f, (command >>> 8) & 0xfff]
    return this.#codec?.get(question(node, verb, command & 0xff)) ?? 0
  }
}

/** Where a bus address leads, by what was mapped. */
export const pageOffset = (index: number, within: bigint): number => index * PAGE_SIZE + Number(within)
