import { hex } from '../base/hex.ts'
import { witnesses, type Evidence, type RecordedOperation, type RecordedValue, type Witness } from './schema.ts'

/** What an operation took or gave; bigint is recorded in hexadecimal. */
export type TraceValue = bigint | number | string | boolean | undefined

/** The set-up of a case is in its first operations, what went wrong in its last. */
const FIRST = 64
const LAST = 192
/** Characters of one text; longer ones, such as bytes in hexadecimal, are cut. */
const TEXT_LIMIT = 512

/**
 * The operations of one case, bounded in number and size, and the witness that follows from them. Nothing else sets
 * the witness: a case cannot claim one.
 */
export class CaseTrace {
  readonly #now: () => number
  readonly #begin: number
  readonly #first: RecordedOperation[] = []
  /** A ring: the operation after the first 64 with number n is at n modulo its length. */
  readonly #last: RecordedOperation[] = []
  #count = 0
  #strongest = 0

  /** @param now milliseconds on any clock that does not go back */
  constructor(now: () => number) {
    this.#now = now
    this.#begin = now()
  }

  /**
   * Adds an operation once its outcome is known, so that the witness is never one who did not answer. Of a refusal,
   * `by` is who refused. Arguments that are undefined are left out.
   * @param by who carried it out: only Probar's code, the operating system, or the device
   */
  record(op: string, by: Witness, args: Readonly<Record<string, TraceValue>>, result?: TraceValue): void {
    const t = Math.max(0, Math.round((this.#now() - this.#begin) * 1000) / 1000)
    const recorded = recordedValue(result)
    this.#keep({ t, op, args: recordedArgs(args), ...(recorded === undefined ? {} : { result: recorded }) })
    this.#strongest = Math.max(this.#strongest, witnesses.indexOf(by))
  }

  /** The strongest that carried out an operation; `model` before any. Operations that were dropped count too. */
  get witness(): Witness {
    return witnesses[this.#strongest] ?? 'model'
  }

  /** Entries so far, dropped ones included; an operation repeated in a row is one. */
  get count(): number {
    return this.#count
  }

  evidence(): Evidence {
    const oldest = Math.max(0, this.#count - FIRST) % LAST
    const last = this.#last.length < LAST ? this.#last : [...this.#last.slice(oldest), ...this.#last.slice(0, oldest)]
    const dropped = this.#count - this.#first.length - last.length
    return { ops: [...this.#first, ...last], ...(dropped === 0 ? {} : { dropped }) }
  }

  /** A register that is polled gives the same answer many times over: that is one entry. */
  #keep(operation: RecordedOperation): void {
    const previous = this.#at(this.#count - 1)
    if (previous !== undefined && isSame(previous, operation)) {
      this.#put(this.#count - 1, { ...previous, times: (previous.times ?? 1) + 1 })
    } else {
      this.#put(this.#count++, operation)
    }
  }

  #at(index: number): RecordedOperation | undefined {
    return index < FIRST ? this.#first[index] : this.#last[(index - FIRST) % LAST]
  }

  #put(index: number, operation: RecordedOperation): void {
    if (index < FIRST) this.#first[index] = operation
    else this.#last[(index - FIRST) % LAST] = operation
  }
}

function isSame(one: RecordedOperation, other: RecordedOperation): boolean {
  if (one.op !== other.op || one.result !== other.result) return false
  const names = Object.keys(one.args)
  return (
    names.length === Object.keys(other.args).length &&
    names.every((name) => Object.is(one.args[name], other.args[name]))
  )
}

function recordedArgs(args: Readonly<Record<string, TraceValue>>): Record<string, RecordedValue> {
  const recorded: Record<string, RecordedValue> = {}
  for (const [name, value] of Object.entries(args)) {
    const kept = recordedValue(value)
    if (kept !== undefined) recorded[name] = kept
  }
  return recorded
}

function recordedValue(value: TraceValue): RecordedValue | undefined {
  if (typeof value === 'bigint') return value < 0n ? String(value) : hex(value)
  // JSON has no NaN and no infinity.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'string' && value.length > TEXT_LIMIT) {
    return `${value.slice(0, TEXT_LIMIT)}… (${value.length} characters)`
  }
  return value
}
