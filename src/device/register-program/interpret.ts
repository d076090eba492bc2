import type { BlockingClock } from '../../base/clock.ts'
import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { type Width, allOnes, unnamedOrder } from '../register-access.ts'
import { RegisterProgramError, accessFailed, pollFailed } from './outcome.ts'
import type { RegisterProgram } from './program.ts'
import { type PollStep, type Step, printStep, reads } from './steps.ts'

/** One access of a width, on whatever answers. */
export interface AccessPort {
  load(offset: number, width: Width): bigint
  store(offset: number, width: Width, value: bigint): void
}

/**
 * Runs a program over single accesses, for back ends without native registers. The addon has an interpreter of its own
 * (native/memory/register_program.cc); both have to pass the same checks.
 * @returns the values of the steps that read, in order
 * @throws RegisterProgramError timeout, device-gone, or what an access throws
 */
export function interpret(program: RegisterProgram, port: AccessPort, clock: BlockingClock): BigUint64Array {
  const values = new BigUint64Array(program.widths.length)
  let filled = 0
  for (const [index, step] of program.steps.entries()) {
    const stopped = { step: index, values: values.subarray(0, filled) }
    try {
      const { value, missed } = execute(step, port, clock)
      if (missed === true) throw pollFailed(program, { ...stopped, last: value })
      if (reads(step)) values[filled++] = value
    } catch (cause) {
      if (!(cause instanceof ProbarError) || cause instanceof RegisterProgramError) throw cause
      throw accessFailed(program, { ...stopped, cause })
    }
  }
  return values
}

interface Executed {
  readonly value: bigint
  /** A poll did not see what it waited for. */
  readonly missed?: boolean
}

function execute(step: Step, port: AccessPort, clock: BlockingClock): Executed {
  switch (step.kind) {
    case 'read':
      return { value: port.load(step.offset, step.width) }
    case 'write':
      port.store(step.offset, step.width, step.value)
      return { value: 0n }
    case 'modify': {
      const value = port.load(step.offset, step.width)
      port.store(step.offset, step.width, (value & ~step.mask) | step.value)
      return { value }
    }
    case 'poll':
      return poll(step, port, clock)
    case 'fence':
      return { value: 0n }
    case 'delay':
      clock.pass(step.timeUs / 1000)
      return { value: 0n }
  }
}

/** Time counts from the first read; the last one is after all of it, however late the thread woke up. */
function poll(step: PollStep, port: AccessPort, clock: BlockingClock): Executed {
  let value = port.load(step.offset, step.width)
  if (isMet(step, value)) return { value }
  let now = clock.now()
  const deadline = now + step.timeUs / 1000
  while (now < deadline) {
    clock.pass(Math.min(Math.max(step.intervalUs, 1) / 1000, deadline - now))
    now = clock.now()
    value = port.load(step.offset, step.width)
    if (isMet(step, value)) return { value }
  }
  return { value, missed: true }
}

/** @throws ProbarError region-outside, register-width for a step that may not run: before any of them has */
export function checkProgram(program: RegisterProgram, size: number, access64: 'whole' | 'halves'): void {
  for (const [index, step] of program.steps.entries()) {
    if (!('offset' in step)) continue
    if (step.offset + step.width > size) {
      const text = `step ${index} (${printStep(step)}) is outside of the ${hex(size)} bytes there`
      throw new ProbarError('region-outside', text)
    }
    if (step.width === 8 && access64 === 'halves') throw unnamedOrder()
  }
}

function isMet(step: PollStep, value: bigint): boolean {
  if ((value & step.mask) !== step.value) return false
  const ones = allOnes(step.width)
  return value !== ones || step.allOnesIsValue || step.value === ones
}
