import { resolve } from 'node:path'
import { runAll } from '../../base/disposal.ts'
import { ProbarError } from '../../base/errors.ts'
import type { RunRecord } from '../../record/schema.ts'
import { ConsoleReporter } from '../../report/console.ts'
import { JsonReporter } from '../../report/json.ts'
import { JunitReporter } from '../../report/junit.ts'
import type { Reporter } from '../../report/reporter.ts'
import type { CliIo } from '../io.ts'

/** For help texts. */
export const REPORTERS = 'console, json=FILE, junit=FILE'

/**
 * The reporters of `--reporter`. The console is always there: on standard output, or on standard error when `json=-`
 * has the other.
 * @throws ProbarError usage
 */
export function reportersOf(names: readonly string[], io: CliIo): readonly Reporter[] {
  const others = names.filter((name) => name !== 'console').map(parse)
  const targets = others.map(({ target }) => (target === '-' ? target : resolve(io.cwd, target)))
  const twice = targets.find((target, index) => targets.indexOf(target) !== index)
  if (twice !== undefined) throw new ProbarError('usage', `two reports would go to ${twice}; name a file for each`)
  return [
    consoleReporter(io, targets.includes('-')),
    ...others.map(({ format, target }) => formats[format](target === '-' ? target : resolve(io.cwd, target), io)),
  ]
}

const formats = {
  json: (target: string, { stdout }: CliIo): Reporter => new JsonReporter({ target, stdout }),
  junit: (target: string): Reporter => new JunitReporter(target),
}

function parse(name: string): { readonly format: keyof typeof formats; readonly target: string } {
  const [, format, target] = /^(json|junit)=(.+)$/s.exec(name) ?? []
  if (format === 'json' && target !== undefined) return { format, target }
  // Only a record is worth a pipe: what reads JUnit reads files.
  if (format === 'junit' && target !== undefined && target !== '-') return { format, target }
  throw new ProbarError('usage', `there is no reporter '${name}'; there are: ${REPORTERS}`)
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
    abort: (why) => runAll(reporters.map((one) => () => one.abort(why))),
  }
}
