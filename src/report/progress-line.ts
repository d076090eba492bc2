import type { Writable } from 'node:stream'
import { shorten } from './text.ts'

/** Back to the first column, and erase the line (ECMA-48). */
const ERASE = '\r\u001b[2K'

/**
 * The one line at the bottom of a terminal that is written over. Other output goes through `above`, so that it never
 * mixes with the line.
 */
export class ProgressLine {
  readonly #stream: Writable
  readonly #columns: () => number
  #shown = false

  /** @param columns of the terminal now; it may be resized */
  constructor(stream: Writable, columns: () => number) {
    this.#stream = stream
    this.#columns = columns
  }

  show(text: string): void {
    // One column stays free: some terminals wrap as soon as the last one is filled.
    this.#stream.write(ERASE + shorten(text, this.#columns() - 1))
    this.#shown = true
  }

  above(text: string): void {
    this.#stream.write((this.#shown ? ERASE : '') + text)
    this.#shown = false
  }

  clear(): void {
    if (this.#shown) this.#stream.write(ERASE)
    this.#shown = false
  }
}
