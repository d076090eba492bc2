#!/usr/bin/env node
import { CommanderError } from 'commander'
import type { CliIo } from './io.ts'
import { program } from './program.ts'

const interrupted = new AbortController()
let signals = 0
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
  exit: (status) => void (process.exitCode = status),
}

// A reader that goes away, such as `head`, is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await program(io).parseAsync(process.argv)
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
}
