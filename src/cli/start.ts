import { CommanderError } from 'commander'
import { type CliIo, ExitStatus } from './io.ts'
import { program } from './program.ts'

/** The program: signals, streams, and the command that the arguments name. */
export async function start(): Promise<void> {
  const interrupted = new AbortController()
  let signals = 0
  let outputFailed = false
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // The first asks everything to end and put the device back; a user who insists is not held.
      if (++signals > 2) process.exit(130)
      interrupted.abort()
    })
  }

  const io: CliIo = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: interrupted.signal,
    exit: (status) => void (process.exitCode = outputFailed ? ExitStatus.failed : status),
  }

  // A reader that goes away, such as `head`, is no failure of ours. Output that cannot be written ends the run in order.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || outputFailed) return
      outputFailed = true
      process.exitCode = ExitStatus.failed
      if (stream === process.stdout)
        process.stderr.write(`error os-error: the output cannot be written: ${error.message}\n`)
      interrupted.abort()
    })
  }

  try {
    await program(io).parseAsync(process.argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
  }
}
