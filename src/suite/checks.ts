import { BugCheck, NtStatusError, ProbarError } from '../base/errors.ts'
import { hex } from '../base/hex.ts'
import { CallerError } from '../ddi/kernel/ledger.ts'
import { type SkipCode, skipCodes } from '../record/skip-codes.ts'

/** A rule does not hold. */
export class RuleBroken extends Error {
  override readonly name = 'RuleBroken'
}

/** A device turned out, while the case ran, to lack what nothing but asking it tells: the case is skipped. */
export class NotOffered extends Error {
  override readonly name = 'NotOffered'
  readonly code: SkipCode

  constructor(code: SkipCode) {
    super(skipCodes[code])
    this.code = code
  }
}

type Scalar = bigint | number | string | boolean | null | undefined

/** What a case asserts with. It counts: a case that ended without a single check has proven nothing. */
export class Checks {
  #made = 0

  /** Checks made so far. */
  get made(): number {
    return this.#made
  }

  ok(holds: boolean, what: string): void {
    this.#made++
    if (!holds) throw new RuleBroken(what)
  }

  equal(actual: Scalar, expected: Scalar, what: string): void {
    this.ok(actual === expected, `${what}: expected ${show(expected)}, got ${show(actual)}`)
  }

  differ(actual: Scalar, other: Scalar, what: string): void {
    this.ok(actual !== other, `${what}: both are ${show(actual)}`)
  }

  /** Every byte; the message names the first that differs. */
  bytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
    this.equal(actual.length, expected.length, `${what}, length in bytes`)
    const at = actual.findIndex((byte, index) => byte !== expected[index])
    this.ok(at === -1, `${what}: byte ${at} is ${hex(actual[at] ?? 0)}, expected ${hex(expected[at] ?? 0)}`)
  }

  /** All of `bytes` are `byte`. */
  filled(bytes: Uint8Array, byte: number, what: string): void {
    this.bytes(bytes, new Uint8Array(bytes.length).fill(byte), what)
  }

  /** Something that the contract defines as not there: NULL, or an output that stays untouched. */
  absent(value: unknown, what: string): void {
    this.ok(
      value === null || value === undefined,
      `${what}: expected nothing, got ${typeof value === 'bigint' ? show(value) : typeof value}`,
    )
  }

  /** Something that the contract defines as present. */
  present<T>(value: T | null | undefined, what: string): T {
    this.ok(value !== null && value !== undefined, `${what}: got ${String(value)}`)
    return value as T
  }

  /** `act` is refused with this bug check and first parameter, or so many of its parameters. */
  bugCheck(code: number, parameters: number | readonly number[], what: string, act: () => unknown): void {
    const error = this.#thrownBy(act)
    const expected = [parameters].flat()
    const shown = (list: readonly (number | bigint)[]): string => list.map((one) => hex(one)).join('/')
    const seen =
      error instanceof BugCheck
        ? shown([error.bugCheckCode, ...expected.map((_, at) => error.parameters[at] ?? 0n)])
        : describe(error)
    this.equal(seen, shown([code, ...expected]), `${what}, bug check`)
  }

  /** `act` is refused as an error of its caller that names this rule. */
  callerError(rule: string, what: string, act: () => unknown): void {
    const error = this.#thrownBy(act)
    this.equal(error instanceof CallerError ? error.rule : describe(error), rule, `${what}, refused by rule`)
  }

  /** `act` raises this NTSTATUS. */
  raises(status: number, what: string, act: () => unknown): void {
    const error = this.#thrownBy(act)
    this.equal(
      error instanceof NtStatusError ? hex(error.status) : describe(error),
      hex(status),
      `${what}, raised status`,
    )
  }

  /** `act` fails with this code of Probar's own. */
  refused(code: string, what: string, act: () => unknown): void {
    const error = this.#thrownBy(act)
    this.equal(error instanceof ProbarError ? error.code : describe(error), code, `${what}, refused with`)
  }

  #thrownBy(act: () => unknown): unknown {
    try {
      act()
      return undefined
    } catch (error) {
      return error
    }
  }
}

function describe(error: unknown): string {
  if (error === undefined) return 'nothing was raised'
  return error instanceof Error ? `${error.name}: ${error.message}` : 'something that is no error'
}

function show(value: Scalar): string {
  return typeof value === 'bigint' || (typeof value === 'number' && value >= 4096) ? hex(value) : String(value)
}
