import type { RegisterAccess } from '../../device/contract.ts'
import { registerProgram } from '../../device/register-program/program.ts'
import { StreamControl, StreamNumber, StreamRegister, StreamStatus } from './registers.ts'

/** What a stream descriptor is set up with (HDA 1.0a, sections 3.3.35 to 3.3.43). */
export interface StreamSetup {
  /** 1 to 15: what ties the stream to its converter. */
  readonly number: number
  /** The descriptor serves either direction, and is to serve output. */
  readonly turnedOut: boolean
  /** Value of SDnFMT. */
  readonly format: number
  readonly listBus: bigint
  readonly listLength: number
  /** Bytes of the whole buffer. */
  readonly size: number
}

/** Milliseconds. RUN takes up to 40 µs to read 0, for the link ends its frame. */
const STREAM_MS = 100
const ALL_STATUS = StreamStatus.completed | StreamStatus.fifoError | StreamStatus.listError

/** Clears RUN; when it reads 0 the stream accesses memory no more. */
export function haltStream(registers: RegisterAccess, at: number): void {
  const { run, completion, fifoError, listError } = StreamControl
  const control = at + StreamRegister.control
  registers.run(
    registerProgram()
      .modify(8, control, { mask: run | completion | fifoError | listError, value: 0 })
      .poll(8, control, { mask: run, value: 0, timeoutMs: STREAM_MS })
      .build(),
  )
}

/** @param interrupts on completion; an error of the list interrupts as well */
export function runStream(registers: RegisterAccess, at: number, interrupts: boolean): void {
  const { run, completion, listError } = StreamControl
  const control = at + StreamRegister.control
  const value = run | (interrupts ? completion | listError : 0)
  registers.run(
    registerProgram()
      .write(8, control, value)
      .poll(8, control, { mask: run, value: run, timeoutMs: STREAM_MS })
      .build(),
  )
}

/** Puts the descriptor back to what it was after the controller's reset; it does not run. */
export function resetStream(registers: RegisterAccess, at: number): void {
  const { reset } = StreamControl
  const control = at + StreamRegister.control
  registers.write8(control, reset)
  // The specification has software wait until the bit reads 1; there are controllers that clear it by themselves.
  const pause = registerProgram().delay(10).read(8, control).build()
  for (let tries = 0; tries < 30; tries++) {
    const [value = 0n] = registers.run(pause)
    if ((Number(value) & reset) !== 0) break
  }
  registers.run(
    registerProgram()
      .write(8, control, 0)
      .poll(8, control, { mask: reset, value: 0, timeoutMs: STREAM_MS })
      .write(8, at + StreamRegister.status, ALL_STATUS)
      .build(),
  )
}

export function setUpStream(registers: RegisterAccess, at: number, setup: StreamSetup): void {
  const direction = setup.turnedOut ? StreamNumber.output : 0
  registers.run(
    registerProgram()
      .write(8, at + StreamRegister.number, (setup.number << 4) | direction)
      .write(32, at + StreamRegister.bufferLength, setup.size)
      .write(16, at + StreamRegister.lastIndex, setup.listLength - 1)
      .write(16, at + StreamRegister.format, setup.format)
      .write(32, at + StreamRegister.listLower, setup.listBus & 0xffff_ffffn)
      .write(32, at + StreamRegister.listUpper, setup.listBus >> 32n)
      .build(),
  )
}
