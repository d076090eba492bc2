import { Command } from 'commander'
import { undoAfter } from '../../base/disposal.ts'
import { codeOf } from '../../base/errors.ts'
import { exitStatusOf } from '../../record/outcome.ts'
import type { Reason } from '../../record/schema.ts'
import type { Reporter } from '../../report/reporter.ts'
import { openSession } from '../../session/open.ts'
import { allCases } from '../../suite/all-cases.ts'
import type { Case } from '../../suite/case.ts'
import { runSuite } from '../../suite/run.ts'
import { selectCases } from '../../suite/select.ts'
import { takingOf } from '../binding/wait.ts'
import { reporting, settle } from '../command.ts'
import { type CliIo, ExitStatus } from '../io.ts'
import { runFacts } from './facts.ts'
import { reportersOf, together } from './reporters.ts'
import { type RunCommandOptions, checkTogether, withRunOptions } from './run-options.ts'
import { expectedSkips, skipRemarks } from './skips.ts'
import { table } from '../table.ts'

/** `probar run` */
export function runCommand(io: CliIo): Command {
  return withRunOptions(settle(new Command('run'), io))
    .description('run the cases on a device and say what was proven')
    .action((options: RunCommandOptions) => reporting(io, () => run(options, io)))
}

async function run(options: RunCommandOptions, io: CliIo): Promise<ExitStatus> {
  checkTogether(options)
  const cases = selected(options)
  if (options.list === true) return list(cases, options.json === true, io)
  const reporter = together(reportersOf(options.reporter ?? [], io))
  try {
    return await runOn(options, { cases, reporter, io })
  } catch (error) {
    return undoAfter(error, [() => reporter.abort(reasonOf(error, io))])
  }
}

interface Undertaking {
  readonly cases: readonly Case[]
  readonly reporter: Reporter
  readonly io: CliIo
}

async function runOn(options: RunCommandOptions, { cases, reporter, io }: Undertaking): Promise<ExitStatus> {
  const { device, backend, seed, profile, type1, unsafeNoiommu: unsafeNoIommu = false } = options
  await using session = await openSession({
    device,
    backend,
    seed,
    unsafeNoIommu,
    ...takingOf(purposeOf(options), options.wait, io),
    ...(profile === undefined ? {} : { profile }),
    ...(type1 === undefined ? {} : { type1 }),
  })
  if (session.resets === undefined) {
    const left = 'what its last user left in it may show, and what this run leaves stays until a power cycle'
    io.stderr.write(`${session.device.ref} is not reset, for it has no reset that can be used: ${left}\n`)
  }
  const record = await runSuite(session, {
    cases,
    facts: runFacts(),
    timeoutMs: options.timeout * 1000,
    retries: options.retry,
    signal: io.signal,
    observer: reporter,
  })
  if (io.signal.aborted) return interrupted(`${record.cases.length} of ${cases.length} cases`, reporter, io)
  await reporter.done(record)
  if (record.stopped !== undefined)
    return stopped(record.stopped, `${record.cases.length} of ${cases.length} cases`, io)
  const { allowSkip = [] } = options
  const expected = expectedSkips(allowSkip, session)
  for (const remark of skipRemarks(record, allowSkip, expected)) io.stderr.write(`${remark}\n`)
  return exitStatusOf(record, expected)
}

/** What others are told who wait for the device. */
function purposeOf({ suite = [], rule = [], case: globs = [] }: RunCommandOptions): string {
  const chosen = [
    ...suite.map((name) => ` --suite ${name}`),
    ...rule.map((id) => ` --rule ${id}`),
    ...globs.map((glob) => ` --case ${glob}`),
  ]
  return `probar run${chosen.join('')}`
}

function selected(options: RunCommandOptions): readonly Case[] {
  const { suite: suites = [], rule: rules = [], case: globs = [], shard } = options
  return selectCases(allCases, { suites, rules, globs, ...(shard === undefined ? {} : { shard }) })
}

function list(cases: readonly Case[], json: boolean, io: CliIo): ExitStatus {
  if (json) {
    const listed = cases.map(({ id, title, rules, needs = [] }) => ({ id, title, rules, needs }))
    io.stdout.write(`${JSON.stringify(listed, undefined, 2)}\n`)
    return ExitStatus.ok
  }
  io.stdout.write(
    table(
      ['CASE', 'RULES', 'TITLE'],
      cases.map(({ id, rules, title }) => [id, rules.join(), title]),
    ),
  )
  return ExitStatus.ok
}

function interrupted(after: string, reporter: Reporter, io: CliIo): ExitStatus {
  reporter.abort({ code: 'interrupted', text: `interrupted after ${after}` })
  io.stderr.write(`interrupted after ${after}; putting the device back\n`)
  return ExitStatus.interrupted
}

function stopped({ code, text }: Reason, after: string, io: CliIo): ExitStatus {
  io.stderr.write(`${code}: ${text}; stopped after ${after}\n`)
  return ExitStatus.notReady
}

/** Of several errors the first is the cause, the others are what putting the device back met. */
function reasonOf(error: unknown, io: CliIo): Reason {
  const all: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
  const text = all.map((one) => (one instanceof Error ? one.message : String(one))).join('\n')
  return { code: io.signal.aborted ? 'interrupted' : (codeOf(all[0]) ?? 'internal'), text: text || 'no message' }
}
