import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { ProbarError } from '../base/errors.ts'

export interface ExecuteOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly signal?: AbortSignal | undefined
  /** Bytes for the program's standard input. */
  readonly input?: Uint8Array
  /** Where its output goes while it runs; otherwise it is returned. */
  readonly progress?: Writable
}

/**
 * Runs a program to its end.
 * @returns what it wrote to standard output
 * @throws ProbarError lab-boot-failed with the program's complaint when it fails, cancelled when the signal aborts
 */
export async function execute(program: string, args: readonly string[], options: ExecuteOptions): Promise<Buffer> {
  const aborted = (): boolean => options.signal?.aborted === true
  if (aborted()) throw new ProbarError('cancelled', `${program} was not started`)
  const child = spawn(program, args, { cwd: options.cwd, env: { ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  const complaint: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => {
    if (options.progress === undefined) output.push(chunk)
    else options.progress.write(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaint.push(chunk)
    options.progress?.write(chunk)
  })
  // a program that ends before it has read everything closes the pipe; its status tells the rest
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const end = (): void => void child.kill('SIGTERM')
  options.signal?.addEventListener('abort', end, { once: true })
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (aborted()) throw new ProbarError('cancelled', `${program} was ended`)
    if (status === 0) return Buffer.concat(output)
    const text = Buffer.concat(complaint).toString().trim()
    throw new ProbarError('lab-boot-failed', `${program} ${args.join(' ')} failed with status ${status}: ${text}`)
  } finally {
    options.signal?.removeEventListener('abort', end)
  }
}
