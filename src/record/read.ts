import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { ProbarError } from '../base/errors.ts'
import { summarise } from './outcome.ts'
import { RECORD_SCHEMA, runRecordSchema, verdicts, type RunRecord } from './schema.ts'

/** @throws ProbarError record-invalid when the file cannot be read, or as parseRecord */
export function readRecord(file: string): RunRecord {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProbarError('record-invalid', `${file}: cannot be read: ${why}`, { cause: error })
  }
  return parseRecord(text, file)
}

/**
 * @param file what messages call it
 * @throws ProbarError record-invalid with a line for each problem: file, the place in it, what is wrong
 */
export function parseRecord(text: string, file: string): RunRecord {
  const value = parseJson(text, file)
  checkVersion(value, file)
  const parsed = runRecordSchema.safeParse(value)
  const problems = parsed.success ? contradictions(parsed.data) : parsed.error.issues.map(describe)
  if (!parsed.success || problems.length > 0) {
    throw new ProbarError('record-invalid', problems.map((problem) => `${file}: ${problem}`).join('\n'))
  }
  return parsed.data
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProbarError('record-invalid', `${file}: not JSON: ${why}`, { cause: error })
  }
}

/** Before anything else, so that a record of another version is not reported as a heap of wrong keys. */
function checkVersion(value: unknown, file: string): void {
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined
  if (schema === RECORD_SCHEMA) return
  const found = typeof schema === 'string' ? `its schema is ${JSON.stringify(schema)}` : 'it names no schema'
  const advice = `this Probar reads ${RECORD_SCHEMA}, as written by probar run --reporter json=FILE`
  throw new ProbarError('record-invalid', `${file}: no run record of this version: ${found}; ${advice}`)
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.map(String).join('.')}: ${issue.message}`
}

/** What the schema cannot say: a record must not disagree with itself. */
function contradictions(record: RunRecord): readonly string[] {
  const problems: string[] = []
  const counted = summarise(record.cases)
  for (const verdict of verdicts) {
    const [stated, actual] = [record.summary[verdict], counted[verdict]]
    if (stated !== actual) problems.push(`summary.${verdict}: is ${stated}, but ${actual} cases have that verdict`)
  }
  const seen = new Set<string>()
  for (const [index, { id }] of record.cases.entries()) {
    if (seen.has(id)) problems.push(`cases.${index}.id: ${id} is there twice`)
    seen.add(id)
  }
  return problems
}
