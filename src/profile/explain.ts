import type { z } from 'zod'
import { hex } from '../base/hex.ts'
import { knownKeys, type JsonSchema } from './json-schema.ts'
import { valueAt, type Problem } from './problem.ts'
import { closest, hint } from './suggest.ts'

type Issue = z.core.$ZodIssue

/** A schema's complaint in words: what the value is and what it may be. One complaint may name several keys. */
export function explain(issue: Issue, root: unknown, schema: JsonSchema): readonly Problem[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path)
    return issue.keys.map((key) => ({ path: [...path, key], text: unknownKey(key, known), atKey: true }))
  }
  if (issue.code === 'invalid_key') {
    return [{ path, text: issue.issues[0]?.message ?? issue.message, atKey: true }]
  }
  const value = valueAt(root, path)
  const must = demand(issue, value)
  const is = value === undefined ? 'is missing' : `is ${shown(value)}`
  return [{ path, text: must.startsWith('must') ? `${is}, ${must}` : must }]
}

function unknownKey(key: string, known: readonly string[]): string {
  return `is no known key${hint(key, known)}; allowed here: ${known.join(', ')}`
}

function demand(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}${unquote(issue.expected, value)}`
    case 'invalid_value':
      return `must be ${oneOf(issue.values, value)}`
    case 'too_big':
      return issue.origin === 'array'
        ? `must have ${issue.maximum} entries`
        : `must be at most ${amount(issue.maximum)}`
    case 'too_small':
      return issue.origin === 'number' ? `must be at least ${amount(issue.minimum)}` : issue.message
    default:
      return issue.message
  }
}

const kinds: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list of two texts',
  object: 'a map of keys',
  record: 'a map of names',
}

/** The commonest slip: quotes around a number that needs none. */
function unquote(expected: string, value: unknown): string {
  const quoted = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
  return quoted && (expected === 'number' || expected === 'int') ? `: write ${value} without quotes` : ''
}

function oneOf(values: readonly unknown[], value: unknown): string {
  if (values.length === 1) return shown(values[0])
  const near = typeof value === 'string' ? closest(value, values.map(String)) : undefined
  return `one of ${values.map(String).join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`
}

function amount(value: number | bigint): string {
  return value < 256 ? String(value) : hex(value)
}

/** A value in a message: short, and with its quotes so that a text is seen to be one. */
function shown(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) && value > 255 ? `${value} (${hex(value)})` : `${value}`
  if (typeof value === 'string') return value.length > 40 ? `'${value.slice(0, 40)}…'` : `'${value}'`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return value === null ? 'empty' : 'a map'
  return JSON.stringify(value) ?? 'nothing'
}
