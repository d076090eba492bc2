import { resolve } from 'node:path'
import { ProbarError } from '../base/errors.ts'
import type { RunRecord } from '../record/schema.ts'
import { ConsoleReporter } from '../report/console.ts'
import { JsonReporter } from '../report/json.ts'
import type { Reporter } from '../report/reporter.ts'
import type { CliIo } from './io.ts'

/** For help texts. */
export const REPORTERS = 'console, json=FILE'

/**
 * The reporters of `--reporter`. The console is always there: on standard output, or on standard error when `json=-`
 * has the other.
 * @throws ProbarError usage
 */
export function reportersOf(names: readonly string[], io: CliIo): readonly Reporter[] {
  const others = names.filter((name) => name !== 'console').map((name) => otherReporter(name, io))
  return [consoleReporter(io, names.includes('json=-')), ...others]
}

function otherReporter(name: string, io: CliIo): Reporter {
  const [, target] = /^json=(.+)$/s.exec(name) ?? []
  if (target === undefined) throw new ProbarError('usage', `there is no reporter '${name}'; there are: ${REPORTERS}`)
  return new JsonReporter({ target: target === '-' ? '-' : resolve(io.cwd, target), stdout: io.stdout })
}

function consoleReporter(io: CliIo, aside: boolean): Reporter {
  const stream = aside ? io.stderr : io.stdout
  const terminal = stream.isTTY === true && io.env['TERM'] !== 'dumb'
  const colours = terminal && (io.env['NO_COLOR'] ?? '') === ''
  return new ConsoleReporter({ stream, terminal, colours, columns: () => stream.columns || 80 })
}

/** Several reporters as one. */
export function together(reporters: readonly Reporter[]): Reporter {
  const each = (tell: (reporter: Reporter) => void): void => reporters.forEach(tell)
  return {
    start: (head) => each((one) => one.start(head)),
    caseStarted: (id, index, total) => each((one) => one.caseStarted(id, index, total)),
    caseDone: (result, index, total) => each((one) => one.caseDone(result, index, total)),
    done: async (record: RunRecord) => {
      for (const one of reporters) await one.done(record)
    },
    abort: () => each((one) => one.abort()),
  }
}
