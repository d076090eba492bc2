import { codeOf, ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import type { RegisterAccess } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import { encodeVerb, LongVerb, Parameter } from './codec/verbs.ts'
import type { OwnPage } from './own-pages.ts'
import { CommandRing, ImmediateStatus, Register, ResponseRing } from './registers.ts'

/** What takes commands to the codecs and brings their responses. */
export interface Commands {
  /** @param command as encodeVerb makes it. @throws ProbarError timeout, device-gone */
  send(command: number): number
}

/** Milliseconds: a response takes two frames of the link, 42 µs; a codec that wakes up takes longer. */
const RESPONSE_MS = 100
const RING_MS = 10

const COMMANDS_AT = 0
const RESPONSES_AT = 1024
const RESPONSE_BYTES = 8
/** Where the position buffer begins in the page of the rings, which take 1 KiB and 2 KiB. */
export const POSITIONS_AT = 3072

/** Entries of a ring by the value of its size's field, the largest first (3.3.24, 3.3.31). */
const SIZES = [
  { capability: 0x40, field: 2, entries: 256 },
  { capability: 0x20, field: 1, entries: 16 },
  { capability: 0x10, field: 0, entries: 2 },
] as const

/** The rings in memory, CORB and RIRB (HDA 1.0a, section 4.4). One command at a time. */
export class CommandRings implements Commands {
  readonly #registers: RegisterAccess
  readonly #page: OwnPage
  readonly #commands: number
  readonly #responses: number
  #written = 0

  /** Starts the rings; the controller is out of reset, and they do not run. */
  constructor(registers: RegisterAccess, page: OwnPage) {
    this.#registers = registers
    this.#page = page
    this.#commands = sizeRing(registers, Register.commandSize)
    this.#responses = sizeRing(registers, Register.responseSize)
    startRings(registers, page)
  }

  send(command: number): number {
    this.#written = (this.#written + 1) % this.#commands
    this.#page.write32(COMMANDS_AT + 4 * this.#written, command)
    // Whatever came since, too late for who asked, is no answer to this.
    const before = this.#registers.read16(Register.responseWritePointer) & 0xff
    const arrival = (before + 1) % this.#responses
    this.#registers.run(
      registerProgram()
        .write(16, Register.commandWritePointer, this.#written)
        .poll(16, Register.responseWritePointer, { mask: 0xff, value: arrival, timeoutMs: RESPONSE_MS })
        // Some controllers stop after as many responses as RINTCNT says until this is acknowledged.
        .write(8, Register.responseStatus, ResponseRing.arrived | ResponseRing.overrun)
        .build(),
    )
    return this.#page.read32(RESPONSES_AT + RESPONSE_BYTES * arrival)
  }
}

/**
 * The registers that take one command (HDA 1.0a, section 3.4), for controllers whose rings do not work. They need not be
 * there.
 */
export class ImmediateCommands implements Commands {
  readonly #registers: RegisterAccess

  constructor(registers: RegisterAccess) {
    this.#registers = registers
  }

  send(command: number): number {
    const { busy, valid } = ImmediateStatus
    const [, , response] = this.#registers.run(
      registerProgram()
        .poll(16, Register.immediateStatus, { mask: busy, value: 0, timeoutMs: RESPONSE_MS })
        .write(16, Register.immediateStatus, valid)
        .write(32, Register.immediateCommand, command)
        .write(16, Register.immediateStatus, busy)
        .poll(16, Register.immediateStatus, { mask: busy | valid, value: valid, timeoutMs: RESPONSE_MS })
        .read(32, Register.immediateResponse)
        .build(),
    )
    return Number(response)
  }
}

/**
 * The way of commands to the codecs: the rings, or the registers for single commands where no response comes that way.
 * @param page of the rings
 * @param codec one that is there
 * @throws ProbarError timeout when it answers neither way; device-gone
 */
export function startCommands(registers: RegisterAccess, page: OwnPage, codec: number): Commands {
  const question = encodeVerb({ codec, node: 0, verb: LongVerb.getParameter, payload: Parameter.vendor })
  const rings = new CommandRings(registers, page)
  try {
    rings.send(question)
    return rings
  } catch (error) {
    if (codeOf(error) !== 'timeout') throw error
    return startImmediate(registers, question, error)
  }
}

function startImmediate(registers: RegisterAccess, question: number, ringsError: unknown): Commands {
  stopRings(registers)
  const commands = new ImmediateCommands(registers)
  try {
    commands.send(question)
    return commands
  } catch (error) {
    const text = 'no codec answers a command, neither by the rings nor by the immediate registers; reset the device'
    throw new ProbarError('timeout', text, { cause: new AggregateError([ringsError, error], text) })
  }
}

/** Stops the rings; afterwards the controller leaves their page alone. */
export function stopRings(registers: RegisterAccess): void {
  const { run } = CommandRing
  registers.run(
    registerProgram()
      .write(8, Register.commandControl, 0)
      .write(8, Register.responseControl, 0)
      .poll(8, Register.commandControl, { mask: run, value: 0, timeoutMs: RING_MS })
      .poll(8, Register.responseControl, { mask: ResponseRing.run, value: 0, timeoutMs: RING_MS })
      .build(),
  )
}

/** Takes the largest size that the controller has. */
function sizeRing(registers: RegisterAccess, register: number): number {
  const before = registers.read8(register)
  const size = SIZES.find(({ capability }) => (before & capability) !== 0)
  if (size === undefined) {
    throw new ProbarError(
      'profile-mismatch',
      `the controller has rings of no size (${hex(before)} at ${hex(register)})`,
    )
  }
  registers.write8(register, (before & 0xfc) | size.field)
  return size.entries
}

function startRings(registers: RegisterAccess, page: OwnPage): void {
  const { resetReadPointer, run } = CommandRing
  const [commands, responses] = [page.busAt(COMMANDS_AT), page.busAt(RESPONSES_AT)]
  registers.write16(Register.commandReadPointer, resetReadPointer)
  // The specification has software wait for this bit; there are controllers that clear it by themselves.
  settle(registers)
  registers.run(
    registerProgram()
      .write(16, Register.commandReadPointer, 0)
      .poll(16, Register.commandReadPointer, { mask: resetReadPointer, value: 0, timeoutMs: RING_MS })
      .write(32, Register.commandLower, commands & 0xffff_ffffn)
      .write(32, Register.commandUpper, commands >> 32n)
      .write(16, Register.commandWritePointer, 0)
      .write(32, Register.responseLower, responses & 0xffff_ffffn)
      .write(32, Register.responseUpper, responses >> 32n)
      .write(16, Register.responseWritePointer, ResponseRing.resetWritePointer)
      .write(16, Register.responseInterruptCount, 1)
      // Enabled here, but not in INTCTL: it sets its bit in RIRBSTS and interrupts nobody.
      .write(8, Register.responseControl, ResponseRing.run | ResponseRing.interrupt)
      .write(8, Register.commandControl, run)
      .poll(8, Register.responseControl, { mask: ResponseRing.run, value: ResponseRing.run, timeoutMs: RING_MS })
      .poll(8, Register.commandControl, { mask: run, value: run, timeoutMs: RING_MS })
      .build(),
  )
}

/** Up to a millisecond for the reset of the read pointer to show. */
function settle(registers: RegisterAccess): void {
  const pause = registerProgram().delay(100).read(16, Register.commandReadPointer).build()
  for (let tries = 0; tries < 10; tries++) {
    const [value = 0n] = registers.run(pause)
    if ((Number(value) & CommandRing.resetReadPointer) !== 0) return
  }
}
