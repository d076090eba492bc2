import { Transform, type TransformCallback } from 'node:stream'

/**
 * Passes a stream through up to its end mark, which it holds back. The guest writes the mark after all else, so once
 * it has been seen nothing is missing.
 */
export class MarkedStream extends Transform {
  readonly #mark: Buffer
  #held: Buffer = Buffer.alloc(0)
  #complete = false

  constructor(mark: string) {
    super()
    this.#mark = Buffer.from(mark)
  }

  /** Whether the mark was seen. */
  get complete(): boolean {
    return this.#complete
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#complete) return done()
    const bytes = Buffer.concat([this.#held, chunk])
    const at = bytes.indexOf(this.#mark)
    if (at < 0) {
      const keep = heldBack(bytes, this.#mark)
      this.#held = bytes.subarray(bytes.length - keep)
      return done(null, bytes.subarray(0, bytes.length - keep))
    }
    this.#complete = true
    this.#held = Buffer.alloc(0)
    this.push(bytes.subarray(0, at))
    this.emit('complete')
    done()
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#held)
  }
}

/** The length of the longest end of `bytes` that the mark starts with. */
function heldBack(bytes: Buffer, mark: Buffer): number {
  for (let length = Math.min(mark.length - 1, bytes.length); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length
  }
  return 0
}
