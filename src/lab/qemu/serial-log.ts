/** Bytes kept of the guest's serial line. */
const KEPT = 256 * 1024

/** The end of what the guest's kernel wrote to its serial line, kept for the case that something goes wrong. */
export class SerialLog {
  #chunks: Buffer[] = []
  #length = 0

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    while (this.#length - (this.#chunks[0]?.length ?? 0) > KEPT) {
      this.#length -= this.#chunks.shift()?.length ?? 0
    }
  }

  /** The last lines, without carriage returns and the firmware's terminal controls. */
  tail(lines: number): string {
    const text = Buffer.concat(this.#chunks).toString('utf8')
    // eslint-disable-next-line no-control-regex
    const plain = text.replaceAll(/\u001b(\[[0-9;?=]*[A-Za-z]|c)/g, '').replaceAll('\r', '')
    return plain.trimEnd().split('\n').slice(-lines).join('\n')
  }
}
