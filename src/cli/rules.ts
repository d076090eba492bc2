import { Command } from 'commander'
import { errata, rule } from '../spec/catalogue.ts'
import { type RuleRow, rulesTable } from '../spec/rules-table.ts'
import { loadUncovered } from '../spec/uncovered.ts'
import { allCases } from '../suite/all-cases.ts'
import { reporting, settle } from './command.ts'
import { type CliIo, ExitStatus } from './io.ts'
import { table } from './table.ts'

/** `probar rules [ID]` */
export function rulesCommand(io: CliIo): Command {
  return settle(new Command('rules'), io)
    .description('list the rules and the cases that prove them, or show one rule')
    .argument('[id]', 'a rule or an erratum, for example MDL-072 or ERR-06')
    .option('--json', 'as JSON')
    .action((id: string | undefined, options: { json?: boolean }) =>
      reporting(io, () => {
        const json = options.json === true
        io.stdout.write(id === undefined ? listing(json) : single(id.toUpperCase(), json))
        return ExitStatus.ok
      }),
    )
}

function listing(json: boolean): string {
  const rows = rulesTable(allCases)
  if (json) return `${JSON.stringify(rows, undefined, 2)}\n`
  const covered = rows.filter(({ cases }) => cases.length > 0).length
  const cells = rows.map(({ id, marks, core, cases, text }) => [
    id,
    marks.join(),
    core ? 'core' : '-',
    String(cases.length),
    short(text),
  ])
  return `${table(['RULE', 'MARKS', 'SET', 'CASES', 'TEXT'], cells)}\n${rows.length} rules, ${covered} with a case\n`
}

function single(id: string, json: boolean): string {
  if (id.startsWith('ERR-')) {
    const found = errata(id)
    if (json) return `${JSON.stringify(found, undefined, 2)}\n`
    return `${found.id} (${found.where})\n${found.problem}\nResolution: ${found.resolution}\n`
  }
  const found = rule(id)
  const row = rulesTable(allCases).find((one) => one.id === id)
  if (json) return `${JSON.stringify({ ...found, cases: row?.cases ?? [], ...reasonOf(row) }, undefined, 2)}\n`
  const set = found.core ? 'core' : 'supporting'
  const head = `${found.id}  marks ${found.marks.join()}, evidence ${found.evidence}, ${set}\n${found.text}\n`
  return `${head}Sources: ${found.sources.join('; ')}\n${casesOf(row)}`
}

/** Of one rule, the sentence as well: `reason` and `why`. */
function reasonOf(row: RuleRow | undefined): { readonly reason?: string; readonly why?: string } {
  if (row?.reason === undefined) return {}
  const why = loadUncovered()[row.id]?.why
  return { reason: row.reason, ...(why === undefined ? {} : { why }) }
}

function casesOf(row: RuleRow | undefined): string {
  const { reason, why } = reasonOf(row)
  if (reason !== undefined) return `No case, ${reason}${why === undefined ? '' : `: ${why}`}\n`
  if (row === undefined || row.cases.length === 0) return 'No case proves it yet.\n'
  return `Cases:\n${row.cases.map((one) => `  ${one}\n`).join('')}`
}

const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text)
