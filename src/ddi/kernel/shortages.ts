import { type ErrorCode, ProbarError } from '../../base/errors.ts'

const CODES: ReadonlySet<string> = new Set(['out-of-memory', 'dma-entries-exhausted'])

/** True for an error that tells what the machine ran out of. */
export const isShortage = (error: unknown): error is ProbarError =>
  error instanceof ProbarError && CODES.has(error.code)

/** Probar's own mistakes, and the use of what was closed: no routine has a result for them. */
const NO_RESULT: ReadonlySet<string> = new Set(['internal', 'closed'])

/** True for an error for which a routine may return what is documented when it fails. */
export const hasResult = (error: unknown): error is ProbarError =>
  error instanceof ProbarError && !NO_RESULT.has(error.code)

/**
 * What the machine ran out of while DDIs were carried out: memory that may be pinned, mappings, address space. The DDI
 * returns what Windows documents for it, and a case may take that for a broken rule; here stands what happened.
 */
export class Shortages {
  #first: ProbarError | undefined
  #provoked: { readonly codes: readonly string[]; seen: ProbarError | undefined } | undefined

  get first(): ProbarError | undefined {
    return this.#first
  }

  /** Writes the error down if it tells of a shortage; returns whether it does. */
  note(error: unknown): boolean {
    if (!isShortage(error)) return false
    const provoked = this.#provoked
    if (provoked?.codes.includes(error.code) === true) provoked.seen ??= error
    else this.#first ??= error
    return true
  }

  /**
   * Runs `act`, which runs out of something on purpose: a shortage with one of these codes is handed back and counts for
   * nothing else. Any other is written down as ever, and so are all of them before and afterwards.
   */
  provoke<T>(
    codes: readonly ErrorCode[],
    act: () => T,
  ): { readonly result: T; readonly seen: ProbarError | undefined } {
    const provoked = { codes, seen: undefined }
    this.#provoked = provoked
    try {
      const result = act()
      return { result, seen: provoked.seen }
    } finally {
      this.#provoked = undefined
    }
  }
}
