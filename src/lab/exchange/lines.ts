/** Longest line that is taken from a peer; what is longer is dropped up to its end. */
export const MAX_LINE = 1 << 20

/** Cuts a stream of UTF-8 text into lines, however its chunks fall. */
export class LineReader {
  readonly #take: (line: string) => void
  readonly #overflow: () => void
  #parts: Buffer[] = []
  #length = 0
  #dropping = false

  /**
   * @param take gets each line without its end
   * @param overflow is called once for a line that is longer than MAX_LINE
   */
  constructor(take: (line: string) => void, overflow: () => void) {
    this.#take = take
    this.#overflow = overflow
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end))
      this.#finish()
      start = end + 1
    }
    this.#keep(chunk.subarray(start))
  }

  #keep(part: Buffer): void {
    if (this.#dropping) return
    this.#length += part.length
    this.#parts.push(part)
    if (this.#length <= MAX_LINE) return
    this.#dropping = true
    this.#parts = []
    this.#overflow()
  }

  #finish(): void {
    const line = this.#dropping ? undefined : Buffer.concat(this.#parts).toString()
    this.#parts = []
    this.#length = 0
    this.#dropping = false
    if (line !== undefined) this.#take(line)
  }
}
