import { resolve } from 'node:path'
import { ProbarError } from '../../base/errors.ts'
import { readRecord } from '../../record/read.ts'
import type { RunRecord } from '../../record/schema.ts'
import { printable } from '../../report/text.ts'
import { rule } from '../../spec/catalogue.ts'
import { askedRule } from '../../spec/clauses.ts'
import { rulesTable } from '../../spec/rules-table.ts'
import {
  type Counts,
  type CoveredRule,
  coverageOf,
  isReason,
  type RunCoverage,
  type Sighting,
  standings,
} from '../../spec/run-coverage.ts'
import { reasons } from '../../spec/uncovered.ts'
import { allCases } from '../../suite/all-cases.ts'

export interface CoverageRequest {
  /** One rule, or all. */
  readonly id: string | undefined
  /** Files of run records. */
  readonly files: readonly string[]
  readonly cwd: string
  readonly json: boolean
}

/** @throws ProbarError usage without a file, record-invalid for a file that is no record of this version */
export function coverageText({ id, files, cwd, json }: CoverageRequest): string {
  if (files.length === 0) {
    throw new ProbarError('usage', '--coverage needs run records, as written by probar run --reporter json=FILE')
  }
  const wanted = id === undefined ? undefined : rule(askedRule(id)).id
  const runs = files.map((file) => readRecord(resolve(cwd, file)))
  checkDifferent(runs, files)
  const all = coverageOf(rulesTable(allCases), runs)
  const rules = all.rules.filter((one) => wanted === undefined || one.id === wanted)
  if (json) return `${JSON.stringify(asJson({ ...all, rules }, runs), undefined, 2)}\n`
  return rules.map(ruleText).join('') + (wanted === undefined ? countsText(all, runs.length) : '')
}

function checkDifferent(runs: readonly RunRecord[], files: readonly string[]): void {
  const twice = runs.findIndex((run, at) => runs.findIndex(({ id }) => id === run.id) < at)
  const [run, file] = [runs[twice], files[twice]]
  if (run !== undefined) throw new ProbarError('usage', `${file} is the run ${run.id} again: give each run once`)
}

function asJson({ rules, counts, clauseCounts, unknown }: RunCoverage, runs: readonly RunRecord[]): unknown {
  const told = runs.map(({ id, startedAt, backend, device }) => ({ id, startedAt, backend, device: device.ref }))
  return { runs: told, counts, clauseCounts, unknown, rules }
}

function ruleText({ id, marks, standing, cases, seen, clauses = [] }: CoveredRule): string {
  const own = clauses.length === 0 ? casesText(cases, seen, '  ') : casesText([], seen, '  ')
  const parts = clauses.map((clause) => {
    const found = casesText(clause.cases, clause.seen, '    ')
    return `  ${clause.id}  ${clause.standing}  ${clause.text}\n${found}`
  })
  return `${id}  ${marks.join()}  ${standing}\n${own}${parts.join('')}`
}

/** Every case that declares it, with what came of it in each run; ids and names are a file's, and printed as text. */
function casesText(cases: readonly string[], seen: readonly Sighting[], indent: string): string {
  const ids = [...new Set([...cases, ...seen.map((one) => one.case)])]
  return ids
    .map((id) => {
      const runs = seen.filter((one) => one.case === id)
      const lines = runs.length === 0 ? ['in none of the runs'] : runs.map(sightingText)
      return `${indent}${printable(id)}\n${lines.map((line) => `${indent}  ${line}\n`).join('')}`
    })
    .join('')
}

function sightingText({ verdict, witness, proves, device, backend, run }: Sighting): string {
  const pass = proves ? `proven by ${witness}` : `passed, but seen by a ${witness} only`
  const what = verdict === 'pass' ? pass : verdict
  return printable(`${what}: ${device} (${backend}), run ${run}`)
}

function countsText({ rules, counts, clauseCounts, unknown }: RunCoverage, runs: number): string {
  const clauses = rules.reduce((sum, one) => sum + (one.clauses?.length ?? 0), 0)
  return [
    `\n${rules.length} rules in ${runs} ${runs === 1 ? 'run' : 'runs'}: ${countText(counts)}\n`,
    `${clauses} clauses of compound rules: ${countText(clauseCounts)}\n`,
    ...(unknown.length === 0 ? [] : [`not in this catalogue: ${printable(unknown.join(', '))}\n`]),
  ].join('')
}

function countText(counts: Counts): string {
  const seen = standings.filter((one) => !isReason(one)).map((one) => `${counts[one]} ${one}`)
  return `${seen.join(', ')}; without a case: ${reasons.map((one) => `${counts[one]} ${one}`).join(', ')}`
}
