import { Command } from 'commander'
import { errata, rule } from '../../spec/catalogue.ts'
import { askedRule } from '../../spec/clauses.ts'
import { type ClauseRow, type Proofs, type RuleRow, rulesTable } from '../../spec/rules-table.ts'
import { loadUncovered, reasons } from '../../spec/uncovered.ts'
import { allCases } from '../../suite/all-cases.ts'
import { reporting, settle } from '../command.ts'
import { type CliIo, ExitStatus } from '../io.ts'
import { table } from '../table.ts'
import { coverageText } from './coverage.ts'

/** `probar rules [ID]`, `probar rules --coverage RUN…` */
export function rulesCommand(io: CliIo): Command {
  return settle(new Command('rules'), io)
    .description('list the rules and the cases that prove them, or show one rule')
    .argument('[id]', 'a rule or an erratum, for example MDL-072 or ERR-06')
    .option('--coverage [run...]', 'where each rule was proven, by the records of one or more runs')
    .option('--json', 'as JSON')
    .action((id: string | undefined, options: RulesOptions) =>
      reporting(io, () => {
        io.stdout.write(textOf(id, options, io.cwd))
        return ExitStatus.ok
      }),
    )
}

interface RulesOptions {
  readonly json?: boolean
  /** True when no file follows. */
  readonly coverage?: true | readonly string[]
}

function textOf(id: string | undefined, options: RulesOptions, cwd: string): string {
  const json = options.json === true
  if (options.coverage !== undefined) {
    const files = options.coverage === true ? [] : options.coverage
    return coverageText({ id, files, cwd, json })
  }
  return id === undefined ? listing(json) : single(askedRule(id), json)
}

function listing(json: boolean): string {
  const rows = rulesTable(allCases)
  if (json) return `${JSON.stringify(rows, undefined, 2)}\n`
  const covered = rows.filter(({ cases }) => cases.length > 0).length
  const why = reasons.map((one) => `${rows.filter(({ reason }) => reason === one).length} ${one}`).join(', ')
  const cells = rows.map(({ id, marks, core, cases, text }) => [
    id,
    marks.join(),
    core ? 'core' : '-',
    String(cases.length),
    short(text),
  ])
  return `${table(['RULE', 'MARKS', 'SET', 'CASES', 'TEXT'], cells)}\n${rows.length} rules, ${covered} with a case; without one for a reason: ${why}\n`
}

function single(id: string, json: boolean): string {
  if (id.startsWith('ERR-')) {
    const found = errata(id)
    if (json) return `${JSON.stringify(found, undefined, 2)}\n`
    return `${found.id} (${found.where})\n${found.problem}\nResolution: ${found.resolution}\n`
  }
  const found = rule(id)
  const row = rulesTable(allCases).find((one) => one.id === id)
  if (json) return `${JSON.stringify({ ...found, ...proofsOf(row) }, undefined, 2)}\n`
  const set = found.core ? 'core' : 'supporting'
  const head = `${found.id}  marks ${found.marks.join()}, evidence ${found.evidence}, ${set}\n${found.text}\n`
  return `${head}Sources: ${found.sources.join('; ')}\n${row === undefined ? '' : casesOf(row)}`
}

/** Of one rule everything: with a reason the sentence as well. */
function proofsOf(row: RuleRow | undefined): Readonly<Record<string, unknown>> {
  if (row === undefined) return { cases: [] }
  const { cases, clauses } = row
  const full = ({ id, ...rest }: ClauseRow) => ({ id, ...rest, ...whyOf(id) })
  const reason = row.reason === undefined ? {} : { reason: row.reason, ...whyOf(row.id) }
  return { cases, ...reason, ...(clauses === undefined ? {} : { clauses: clauses.map(full) }) }
}

function whyOf(id: string): { readonly why?: string } {
  const why = loadUncovered()[id]?.why
  return why === undefined ? {} : { why }
}

function casesOf(row: RuleRow): string {
  if (row.clauses === undefined) return proofLine(row, row.id)
  return row.clauses.map(({ text, ...clause }) => `${clause.id}: ${text}\n${proofLine(clause, row.id)}`).join('')
}

function proofLine({ id, cases, reason }: Proofs & { readonly id: string }, rule: string): string {
  if (cases.length > 0) return `Cases:\n${cases.map((one) => `  ${one}\n`).join('')}`
  if (reason === undefined) return 'No case proves it yet.\n'
  const why = whyOf(id).why ?? whyOf(rule).why
  return `No case, ${reason}${why === undefined ? '' : `: ${why}`}\n`
}

const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text)
