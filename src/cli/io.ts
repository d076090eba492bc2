import type { Writable } from 'node:stream'

/** What a command may touch of the outside world; tests give it streams of their own. */
export interface CliIo {
  /** Results. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Diagnostics and progress. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** The environment; nothing below `cli/` reads it. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  /** Sets the exit status; the last one set counts. */
  exit(status: ExitStatus): void
}

/** What the exit status tells (docs/cli.md). */
export const ExitStatus = {
  ok: 0,
  ruleBroken: 1,
  usage: 2,
  notReady: 3,
  failed: 4,
  nothingProven: 5,
  interrupted: 130,
} as const
export type ExitStatus = number
