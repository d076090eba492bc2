import { BugCheck, ProbarError } from '../../base/errors.ts'
import { hex } from '../../base/hex.ts'

/** One misuse of a contract by its caller. */
export interface Misuse {
  /** The rule that was broken. */
  readonly rule: string
  /** The routine that saw it. */
  readonly routine: string
  readonly text: string
  /** The bug check that Windows raises for it, where one is documented. */
  readonly bugCheck?: {
    readonly code: number
    readonly parameter: number
    /** The parameters behind the first, where they are documented; 0 otherwise. */
    readonly rest?: readonly bigint[]
  }
}

/** A caller broke a rule for which no bug check is documented. */
export class CallerError extends ProbarError {
  readonly rule: string

  constructor(rule: string, message: string) {
    super('caller-error', message)
    this.rule = rule
  }
}

/** Every misuse of a session, in order. */
export class Ledger {
  readonly #entries: Misuse[] = []

  get entries(): readonly Misuse[] {
    return this.#entries
  }

  /** Writes the misuse down and stops the caller, as Windows would. @throws BugCheck or CallerError, always */
  raise(misuse: Misuse): never {
    this.#entries.push(misuse)
    const where = `${misuse.routine} (${misuse.rule}): ${misuse.text}`
    if (misuse.bugCheck === undefined) throw new CallerError(misuse.rule, where)
    const { code, parameter, rest = [] } = misuse.bugCheck
    const [second = 0n, third = 0n, fourth = 0n] = rest
    throw new BugCheck(
      code,
      [BigInt(parameter), second, third, fourth],
      `bug check ${hex(code)}/${hex(parameter)}: ${where}`,
    )
  }

  /** Writes down what is noticed when nobody is left to stop, for example a leak at the end. */
  note(misuse: Misuse): void {
    this.#entries.push(misuse)
  }
}
