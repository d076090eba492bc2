import { ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'
import { type Width, checkRegisterAlignment, checkRegisterValue } from '../register-access.ts'
import { ProgramLimit, type Step, encode, printStep, reads } from './steps.ts'

/** Bits of an access. */
export type Bits = 8 | 16 | 32 | 64

export interface PollOptions {
  /** Bits that are looked at. */
  readonly mask: number | bigint
  /** What they have to be; zero outside of the mask. */
  readonly value: number | bigint
  /** Milliseconds, a part of the 10 s that a program may take in all. */
  readonly timeoutMs: number
  /** Microseconds between two reads: 0 to 32,767, 50 unless told. */
  readonly intervalUs?: number
  /**
   * All ones are what a device reads as that is gone, so they end no poll, whatever its mask, unless this is set or
   * nothing but all ones is waited for.
   */
  readonly allOnesIsValue?: boolean
}

const DEFAULT_INTERVAL_US = 50
/** Steps that a printed program shows. */
const SHOWN_STEPS = 8

/** A list of register accesses that runs as a whole (`RegisterAccess.run`). Immutable; may be run any number of times. */
export class RegisterProgram {
  readonly steps: readonly Step[]
  /** Widths in bytes of the values that a run gives, in order. */
  readonly widths: readonly Width[]
  readonly #words: BigUint64Array

  /** @internal use `registerProgram()` */
  constructor(steps: readonly Step[]) {
    this.steps = Object.freeze(steps.map((step) => Object.freeze({ ...step })))
    this.widths = Object.freeze(this.steps.filter(reads).map(({ width }) => width))
    this.#words = encode(this.steps)
  }

  /** The encoded program, for native code, which checks it again: see steps.ts for the layout. Not to be written to. */
  get words(): BigUint64Array {
    return this.#words
  }

  /** For evidence: the first steps. */
  toString(): string {
    const shown = this.steps.slice(0, SHOWN_STEPS).map(printStep)
    if (this.steps.length > SHOWN_STEPS) shown.push(`… ${this.steps.length} steps`)
    return shown.join('; ')
  }
}

/**
 * Begins a register program:
 *
 *     const program = registerProgram()
 *       .write(32, 0x08, 5)
 *       .poll(32, 0x20, { mask: 1, value: 0, timeoutMs: 100 })
 *       .read(32, 0x08)
 *       .build()
 *     const [status, factorial] = region.run(program)
 */
export const registerProgram = (): RegisterProgramBuilder => new RegisterProgramBuilder()

/**
 * Widths are in bits, offsets in bytes and multiples of the width, values and masks unsigned.
 * @throws ProbarError register-width, region-misaligned, region-outside, range-outside, at the step that is wrong
 */
export class RegisterProgramBuilder {
  readonly #steps: Step[] = []
  #totalUs = 0

  /** Gives the value. */
  read(bits: Bits, offset: number): this {
    return this.#add({ kind: 'read', ...placeOf(bits, offset) })
  }

  write(bits: Bits, offset: number, value: number | bigint): this {
    const place = placeOf(bits, offset)
    return this.#add({ kind: 'write', ...place, value: unsigned(value, place.width) })
  }

  /** Reads, replaces the bits under the mask, writes back. Gives the value before. */
  modify(
    bits: Bits,
    offset: number,
    { mask, value }: { readonly mask: number | bigint; readonly value: number | bigint },
  ): this {
    const place = placeOf(bits, offset)
    return this.#add({ kind: 'modify', ...place, ...masked(mask, value, place.width) })
  }

  /** Reads until the bits under the mask have the value, and once more when the time is over. Gives the value read last. */
  poll(bits: Bits, offset: number, options: PollOptions): this {
    const { intervalUs = DEFAULT_INTERVAL_US, allOnesIsValue = false } = options
    const place = placeOf(bits, offset)
    if (!Number.isInteger(intervalUs) || intervalUs < 0 || intervalUs > ProgramLimit.intervalUs) {
      throw outside(`intervalUs is ${intervalUs}, but must be an integer from 0 to ${ProgramLimit.intervalUs}`)
    }
    const timeUs = this.#time(Math.ceil(options.timeoutMs * 1000))
    const goal = masked(options.mask, options.value, place.width)
    return this.#add({ kind: 'poll', ...place, ...goal, timeUs, intervalUs, allOnesIsValue })
  }

  /**
   * No later access begins before the earlier ones have left the processor. It does not wait until they have arrived:
   * a read of the same device does.
   */
  fence(): this {
    return this.#add({ kind: 'fence' })
  }

  /** @param microseconds an integer, a part of the 10 s that a program may take in all */
  delay(microseconds: number): this {
    return this.#add({ kind: 'delay', timeUs: this.#time(microseconds) })
  }

  build(): RegisterProgram {
    return new RegisterProgram(this.#steps)
  }

  #add(step: Step): this {
    if (this.#steps.length >= ProgramLimit.steps) throw outside(`a program has at most ${ProgramLimit.steps} steps`)
    this.#steps.push(step)
    return this
  }

  #time(microseconds: number): number {
    if (!Number.isInteger(microseconds) || microseconds < 0) {
      throw outside(`a timeout or delay is ${microseconds} µs, but must be a number that is not negative`)
    }
    if (this.#totalUs + microseconds > ProgramLimit.totalUs) {
      const limit = ProgramLimit.totalUs / 1_000_000
      throw outside(`timeouts and delays of a program are at most ${limit} s in all, for nothing can stop it: split it`)
    }
    this.#totalUs += microseconds
    return microseconds
  }
}

const outside = (message: string): ProbarError => new ProbarError('range-outside', message)

function placeOf(bits: Bits, offset: number): { readonly width: Width; readonly offset: number } {
  const width = WIDTHS[bits]
  if (width === undefined) throw new ProbarError('register-width', `an access has 8, 16, 32 or 64 bits, not ${bits}`)
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new ProbarError('region-outside', `offset ${offset} is no number of bytes`)
  }
  checkRegisterAlignment(offset, width)
  return { width, offset }
}

const WIDTHS: Readonly<Record<number, Width>> = { 8: 1, 16: 2, 32: 4, 64: 8 }

function unsigned(value: number | bigint, width: Width): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw outside(`${value} is no exact integer`)
  const exact = BigInt(value)
  checkRegisterValue(exact, width)
  return exact
}

function masked(
  mask: number | bigint,
  value: number | bigint,
  width: Width,
): { readonly mask: bigint; readonly value: bigint } {
  const goal = { mask: unsigned(mask, width), value: unsigned(value, width) }
  if ((goal.value & ~goal.mask) === 0n) return goal
  throw outside(`the value ${hex(goal.value)} has bits outside of the mask ${hex(goal.mask)}`)
}
