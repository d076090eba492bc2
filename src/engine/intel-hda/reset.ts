import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import type { RegisterAccess } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import { stopRings } from './commands.ts'
import { GlobalControl, Register, streamAt } from './registers.ts'
import { haltStream } from './stream-descriptor.ts'

/** What GCAP says (HDA 1.0a, section 3.3.2). */
export interface Capabilities {
  readonly inputs: number
  readonly outputs: number
  /** Streams that may be either; their descriptors follow those of inputs and outputs. */
  readonly eithers: number
  readonly addressBits: 32 | 64
}

const RESET_MS = 100
/** A reset takes 100 µs at least; codecs have 25 frames of the link, 521 µs, to ask for their addresses (4.3). */
const RESET_US = 100
const DISCOVERY_US = 1000
const MAX_CODECS = 15
const ALL_CODECS = 0x7fff

export function decodeCapabilities(value: number): Capabilities {
  const field = (shift: number, mask: number): number => (value >> shift) & mask
  return {
    outputs: field(12, 0xf),
    inputs: field(8, 0xf),
    eithers: field(3, 0x1f),
    addressBits: field(0, 1) === 1 ? 64 : 32,
  }
}

/** @throws ProbarError device-gone */
export function readCapabilities(registers: RegisterAccess): Capabilities {
  const value = registers.read16(Register.globalCapabilities)
  if (value !== 0xffff) return decodeCapabilities(value)
  throw new ProbarError('device-gone', 'the sound controller reads as all ones: it left the bus')
}

/** Streams and rings end, whoever had started them, and nothing interrupts. Nothing of it is there in reset. */
export function quietController(registers: RegisterAccess, { inputs, outputs, eithers }: Capabilities): void {
  if (!isRunning(registers)) return
  const streams = Array.from({ length: inputs + outputs + eithers }, (_, index) => streamAt(index))
  runAll([
    () => registers.write32(Register.interruptControl, 0),
    ...streams.map((at) => () => haltStream(registers, at)),
    () => stopRings(registers),
  ])
}

/** The controller's reset, into which it goes and stays: it accesses no memory there. */
export function enterReset(registers: RegisterAccess): void {
  const { running } = GlobalControl
  registers.run(
    registerProgram()
      .modify(32, Register.globalControl, { mask: running, value: 0 })
      .poll(32, Register.globalControl, { mask: running, value: 0, timeoutMs: RESET_MS })
      .build(),
  )
}

/** Resets the controller, whatever state it is in. @returns the addresses of the codecs that asked for attention */
export function resetController(registers: RegisterAccess, capabilities: Capabilities): number[] {
  const { running } = GlobalControl
  if (isRunning(registers)) {
    quietController(registers, capabilities)
    // Survives a reset: codecs of before would be taken for there.
    registers.write16(Register.stateChangeStatus, ALL_CODECS)
  }
  enterReset(registers)
  const values = registers.run(
    registerProgram()
      .delay(RESET_US)
      .modify(32, Register.globalControl, { mask: running, value: running })
      .poll(32, Register.globalControl, { mask: running, value: running, timeoutMs: RESET_MS })
      .delay(DISCOVERY_US)
      .read(16, Register.stateChangeStatus)
      .build(),
  )
  const present = Number(values.at(-1) ?? 0n)
  return Array.from({ length: MAX_CODECS }, (_, codec) => codec).filter((codec) => (present & (1 << codec)) !== 0)
}

const isRunning = (registers: RegisterAccess): boolean =>
  (registers.read32(Register.globalControl) & GlobalControl.running) !== 0
