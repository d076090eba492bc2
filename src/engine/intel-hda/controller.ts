import { runAll, undoAfter } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import type { Region } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import type { ClockRegister, Direction } from '../cyclic.ts'
import { type AudioFunction, readAudioFunctions } from './codec/graph.ts'
import { releaseVerbs, type Route, routeVerbs } from './codec/route.ts'
import { encodeVerb } from './codec/verbs.ts'
import { type Commands, POSITIONS_AT, startCommands } from './commands.ts'
import type { OwnPage } from './own-pages.ts'
import { InterruptControl, PositionBuffer, Register, StreamRegister, streamAt, WALL_CLOCK_HZ } from './registers.ts'
import { type Capabilities, enterReset, quietController, readCapabilities, resetController } from './reset.ts'

/** Bytes of one stream's entry in the position buffer. */
const POSITION_BYTES = 8
const MAX_ROUNDS = 16

/** A controller out of reset, with the codecs behind it. */
export class Controller {
  readonly functions: readonly AudioFunction[]
  /** Undefined when the wall clock stands still. */
  readonly clockRegister: ClockRegister | undefined
  readonly #registers: Region
  readonly #page: OwnPage
  readonly #capabilities: Capabilities
  readonly #commands: Commands
  /** Bits of the stream descriptors that may interrupt. */
  #allowed = 0

  private constructor(registers: Region, page: OwnPage, capabilities: Capabilities, codecs: readonly number[]) {
    this.#registers = registers
    this.#page = page
    this.#capabilities = capabilities
    this.#commands = startCommands(registers, page, codecs[0] ?? 0)
    this.functions = codecs.flatMap((codec) => readAudioFunctions(this.#commands, codec))
    this.clockRegister = findClock(registers)
    const positions = page.busAt(POSITIONS_AT)
    registers.run(
      registerProgram()
        .write(32, Register.positionUpper, positions >> 32n)
        .write(32, Register.positionLower, (positions & 0xffff_ffffn) | BigInt(PositionBuffer.enable))
        .build(),
    )
  }

  /**
   * Resets the controller, finds its codecs and starts the way of commands to them. Whatever fails, it is in reset then.
   * @param page of the rings and the position buffer
   * @throws ProbarError capability-missing without a codec; profile-mismatch, timeout, device-gone
   */
  static start(registers: Region, page: OwnPage, addressBits: number): Controller {
    const capabilities = readCapabilities(registers)
    if (addressBits > capabilities.addressBits) {
      const text = `the controller emits ${capabilities.addressBits} address bits, its profile says ${addressBits}`
      throw new ProbarError('profile-mismatch', `${text}: correct cyclic.addressBits`)
    }
    const codecs = resetController(registers, capabilities)
    if (codecs.length === 0) {
      throw new ProbarError(
        'capability-missing',
        'no codec answers behind the sound controller: it cannot play or record',
      )
    }
    try {
      return new Controller(registers, page, capabilities, codecs)
    } catch (error) {
      return undoAfter(error, [() => quietController(registers, capabilities), () => enterReset(registers)])
    }
  }

  /** Indices of the stream descriptors that can serve a direction, those that serve no other first. */
  descriptors(direction: Direction): number[] {
    const { inputs, outputs, eithers } = this.#capabilities
    const [first, count] = direction === 'input' ? [0, inputs] : [inputs, outputs]
    const own = Array.from({ length: count }, (_, index) => first + index)
    return [...own, ...Array.from({ length: eithers }, (_, index) => inputs + outputs + index)]
  }

  isEither(index: number): boolean {
    return index >= this.#capabilities.inputs + this.#capabilities.outputs
  }

  /** Bytes, over all stream descriptors as they are set up now. */
  largestFifo(): number {
    const { inputs, outputs, eithers } = this.#capabilities
    const sizes = Array.from({ length: inputs + outputs + eithers }, (_, index) =>
      this.#registers.read16(streamAt(index) + StreamRegister.fifoSize),
    )
    return Math.max(0, ...sizes)
  }

  /** Opens the way for a stream. */
  take(route: Route, number: number, format: number): void {
    for (const verb of routeVerbs(route, number, format)) this.#commands.send(encodeVerb(verb))
  }

  release(route: Route): void {
    for (const verb of releaseVerbs(route)) this.#commands.send(encodeVerb(verb))
  }

  allowInterrupt(index: number, allowed: boolean): void {
    const bit = 2 ** index
    if (((this.#allowed & bit) !== 0) === allowed) return
    this.#allowed = allowed ? this.#allowed | bit : this.#allowed & ~bit
    const value = this.#allowed === 0 ? 0 : (InterruptControl.global | this.#allowed) >>> 0
    this.#registers.write32(Register.interruptControl, value)
  }

  /** Until nothing is pending any more: the next interrupt comes only after that. @param serve acknowledges */
  serveInterrupts(serve: (index: number) => void): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const status = this.#registers.read32(Register.interruptStatus)
      if (status === 0xffff_ffff) {
        throw new ProbarError('device-gone', 'the sound controller reads as all ones: it left the bus')
      }
      const pending = status & this.#allowed
      if (pending === 0) return
      for (let index = 0; index < 30; index++) if ((pending & (1 << index)) !== 0) serve(index)
    }
  }

  /** What the controller wrote into the position buffer for a descriptor. */
  memoryPosition(index: number): number {
    return this.#page.read32(POSITIONS_AT + index * POSITION_BYTES)
  }

  /** Leaves the controller in reset, where it accesses no memory. Each part is tried, whatever another fails with. */
  shut(): void {
    runAll([
      () => quietController(this.#registers, this.#capabilities),
      () => this.#registers.write32(Register.positionLower, 0),
      () => enterReset(this.#registers),
    ])
  }
}

/** Not every controller's wall clock runs, whatever the specification says. */
function findClock(registers: Region): ClockRegister | undefined {
  const { wallClock } = Register
  const [first, second] = registers.run(registerProgram().read(32, wallClock).delay(100).read(32, wallClock).build())
  if (first === second) return undefined
  const place = { region: registers.index, offset: wallClock, width: 32 } as const
  return { ...place, numerator: WALL_CLOCK_HZ, denominator: 1n, accuracy: 1 }
}
