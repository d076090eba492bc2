import { type WriteStream, createWriteStream } from 'node:fs'
import { Writable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'

const PROGRESS_MS = 20_000
const TAIL_LINES = 25

/**
 * What a build writes: kept in a file, its last lines at hand, and now and then a line that says how far it is. A file
 * that cannot be written, as on a full disk, is told with the last lines and ends nothing: the build then fails by itself.
 */
export class BuildLog extends Writable {
  readonly path: string
  readonly #file: WriteStream
  readonly #clock: Clock
  readonly #say: (text: string) => void
  readonly #begin: number
  #said: number
  #lines: string[] = []
  #rest = ''
  #steps = 0
  #problem: string | undefined

  /** @param say gets a line of progress every 20 s, as long as something is written */
  constructor(path: string, clock: Clock, say: (text: string) => void) {
    super()
    this.path = path
    this.#file = createWriteStream(path).on('error', (error) => {
      this.#problem ??= `(the log was not written to the end: ${error.message})`
    })
    this.#clock = clock
    this.#say = say
    this.#begin = this.#said = clock.now()
  }

  /** The last lines. */
  get tail(): string {
    return [...this.#lines, this.#rest, this.#problem ?? ''].filter((line) => line !== '').join('\n')
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take(chunk.toString())
    this.#file.write(chunk, () => done())
  }

  override _final(done: () => void): void {
    this.#file.end(() => done())
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    this.#steps += lines.length
    this.#lines = [...this.#lines, ...lines].slice(-TAIL_LINES)
    const now = this.#clock.now()
    if (now - this.#said < PROGRESS_MS) return
    this.#said = now
    const seconds = Math.round((now - this.#begin) / 1000)
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    this.#say(`building the kernel, ${time} min, ${this.#steps} steps, last: ${this.#lines.at(-1)?.trim() ?? ''}`)
  }
}
