import { type ErrorCode, ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { allOnes } from '../register-access.ts'
import type { RegisterProgram } from './program.ts'
import { type PollStep, printStep } from './steps.ts'

/** A program that stopped before its end. What it did until then is done. */
export class RegisterProgramError extends ProbarError {
  /** Index of the step that failed. */
  readonly step: number
  /** Values of the steps before it, in order. */
  readonly values: BigUint64Array
  /** What a poll that failed read last; undefined for any other step. */
  readonly last: bigint | undefined

  constructor(code: ErrorCode, message: string, stopped: StoppedProgram) {
    super(code, message, { cause: stopped.cause })
    this.step = stopped.step
    this.values = stopped.values
    this.last = stopped.last
  }
}

export interface StoppedProgram {
  readonly step: number
  readonly values: BigUint64Array
  readonly last?: bigint | undefined
  readonly cause?: unknown
}

/** A poll whose time is over: `timeout`, or `device-gone` when nothing but all ones came. */
export function pollFailed(program: RegisterProgram, stopped: StoppedProgram & { readonly last: bigint }): Error {
  const step = program.steps[stopped.step] as PollStep
  const what = `step ${stopped.step} (${printStep(step)}) was not met within ${step.timeUs / 1000} ms`
  if (stopped.last === allOnes(step.width) && !step.allOnesIsValue) {
    const text = `${what}: the register reads as all ones, as of a device that is gone; if it may really hold them, set allOnesIsValue`
    return new RegisterProgramError('device-gone', text, stopped)
  }
  const text = `${what}: it read ${hex(stopped.last)} last; the device is slower than that, or it hangs: reset it`
  return new RegisterProgramError('timeout', text, stopped)
}

/** An access that failed in the middle of a program. */
export function accessFailed(
  program: RegisterProgram,
  stopped: StoppedProgram & { readonly cause: ProbarError },
): Error {
  const step = program.steps[stopped.step]
  const where = `step ${stopped.step}${step === undefined ? '' : ` (${printStep(step)})`}`
  return new RegisterProgramError(stopped.cause.code, `${where}: ${stopped.cause.message}`, stopped)
}
