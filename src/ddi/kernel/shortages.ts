import { ProbarError } from '../../base/errors.ts'

const CODES: ReadonlySet<string> = new Set(['out-of-memory', 'dma-entries-exhausted'])

/** True for an error that tells what the machine ran out of. */
export const isShortage = (error: unknown): error is ProbarError =>
  error instanceof ProbarError && CODES.has(error.code)

/**
 * What the machine ran out of while DDIs were carried out: memory that may be pinned, mappings, address space. The DDI
 * returns what Windows documents for it, and a case may take that for a broken rule; here stands what happened.
 */
export class Shortages {
  #first: ProbarError | undefined

  get first(): ProbarError | undefined {
    return this.#first
  }

  /** Writes the error down if it tells of a shortage; returns whether it does. */
  note(error: unknown): boolean {
    if (!isShortage(error)) return false
    this.#first ??= error
    return true
  }
}
