import type { Command } from 'commander'
import { type ErrorCode, codeOf } from '../base/errors.ts'
import { printable } from '../report/text.ts'
import { type CliIo, ExitStatus } from './io.ts'

/** What is not Probar's own failure: the user's words (2), or a machine that is not ready (3). */
const STATUSES: Partial<Readonly<Record<ErrorCode, ExitStatus>>> = {
  usage: ExitStatus.usage,
  'reference-unknown': ExitStatus.usage,
  'profile-unknown': ExitStatus.usage,
  'profile-invalid': ExitStatus.usage,
  'profile-ambiguous': ExitStatus.usage,
  'profile-mismatch': ExitStatus.usage,
  'record-invalid': ExitStatus.usage,
  'dump-invalid': ExitStatus.usage,
  'device-absent': ExitStatus.notReady,
  'device-gone': ExitStatus.notReady,
  'bus-error': ExitStatus.notReady,
  'device-driver': ExitStatus.notReady,
  'device-busy': ExitStatus.notReady,
  'device-protected': ExitStatus.notReady,
  'permission-denied': ExitStatus.notReady,
  'iommu-unavailable': ExitStatus.notReady,
  'group-not-viable': ExitStatus.notReady,
  'addon-missing': ExitStatus.notReady,
  'out-of-memory': ExitStatus.notReady,
  'dma-entries-exhausted': ExitStatus.notReady,
  'module-missing': ExitStatus.notReady,
  'journal-invalid': ExitStatus.notReady,
  'lab-tool-missing': ExitStatus.notReady,
}

/** Commander's own complaints are usage errors, written where everything else is. */
export function settle(command: Command, io: CliIo): Command {
  return command
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride((error) => {
      io.exit(error.exitCode === 0 ? ExitStatus.ok : ExitStatus.usage)
      throw error
    })
}

/** Runs a command's action and turns its failure into a message and an exit status. */
export async function reporting(io: CliIo, action: () => Promise<ExitStatus> | ExitStatus): Promise<void> {
  try {
    io.exit(await action())
  } catch (error) {
    // The message may quote a file or an argument.
    io.stderr.write(`${printable(describe(error))}\n`)
    io.exit(io.signal.aborted && isInterruption(error) ? ExitStatus.interrupted : statusOf(error))
  }
}

/** What a signal asked for, and nothing beside it: a device that could not be put back is told by another status. */
function isInterruption(error: unknown): boolean {
  return codeOf(error) === 'cancelled' || (error instanceof Error && error.name === 'AbortError')
}

function statusOf(error: unknown): ExitStatus {
  const code = codeOf(error)
  return (code && STATUSES[code]) ?? ExitStatus.failed
}

/** Several failures, for example of a clean-up after an error, are all told. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('\n')
  const code = codeOf(error)
  if (code !== undefined) return `error ${code}: ${(error as Error).message}`
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `error internal: Probar itself failed; please report this:\n${text}`
}

/** For options that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]
