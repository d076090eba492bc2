import { Writable } from 'node:stream'
import { CommanderError } from 'commander'
import type { CliIo } from '../../src/cli/io.ts'
import { program } from '../../src/cli/program.ts'

/** A stream that keeps what it is given. */
export class Sink extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns = 80
  readonly #heard: (text: string) => void

  constructor(options: { readonly isTTY?: boolean; readonly heard?: (text: string) => void } = {}) {
    super()
    this.isTTY = options.isTTY ?? false
    this.#heard = options.heard ?? (() => undefined)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    this.#heard(this.text)
    done()
  }
}

export interface Ended {
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly env?: CliIo['env']
  readonly cwd?: string
  readonly signal?: AbortSignal
  readonly stdout?: Sink
  readonly stderr?: Sink
}

/** Runs `probar …` in this process. */
export async function probar(words: readonly string[], around: Surroundings = {}): Promise<Ended> {
  const {
    stdout = new Sink(),
    stderr = new Sink(),
    env = {},
    cwd = '/',
    signal = new AbortController().signal,
  } = around
  let status: number | undefined
  const io: CliIo = { stdout, stderr, env, cwd, signal, exit: (last) => void (status = last) }
  try {
    await program(io).parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
  }
  return { status, stdout: stdout.text, stderr: stderr.text }
}
