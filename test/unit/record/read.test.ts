import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { codeOf } from '../../../src/base/errors.ts'
import { parseRecord, readRecord } from '../../../src/record/read.ts'
import { exampleCase, exampleRecord, exampleSkip } from './example.ts'

const example = exampleRecord([
  exampleCase(),
  exampleCase({ id: 'mdl/wrong', verdict: 'fail', measurements: [{ name: 'map', unit: 'ms', value: 17.5 }] }),
  exampleSkip('no-io-bar', { id: 'dxgk/io' }),
])

/** The example with the value at `path` replaced, or removed when it is undefined. */
function changed(path: readonly (string | number)[], value?: unknown): string {
  const record: unknown = structuredClone(example)
  let place = record
  for (const key of path.slice(0, -1)) place = Reflect.get(Object(place), key)
  Reflect.set(Object(place), path.at(-1) ?? '', value)
  return JSON.stringify(record)
}

function complaint(text: string): string {
  try {
    parseRecord(text, 'run.json')
  } catch (error) {
    expect(codeOf(error)).toBe('record-invalid')
    return error instanceof Error ? error.message : ''
  }
  throw new Error('the record was accepted')
}

describe('reading a record', () => {
  it('gives back what was written', () => {
    expect(parseRecord(JSON.stringify(example), 'run.json')).toEqual(example)
  })

  it('ignores keys of a later Probar', () => {
    expect(parseRecord(changed(['colour'], 'red'), 'run.json')).toEqual(example)
  })

  it.each([
    ['text that is no JSON', '{"schema": ', /^run\.json: not JSON: /],
    ['something that is no record', '[]', /^run\.json: .*names no schema.*probar-run\/1/],
    ['another version', changed(['schema'], 'probar-run/2'), /^run\.json: .*"probar-run\/2".*reads probar-run\/1/],
    ['a verdict that does not exist', changed(['cases', 0, 'verdict'], 'passed'), /^run\.json: cases\.0\.verdict: /],
    ['a witness that does not exist', changed(['cases', 1, 'witness'], 'author'), /^run\.json: cases\.1\.witness: /],
    ['a seed in decimal', changed(['seed'], '42'), /^run\.json: seed: /],
    ['a seed in capitals', changed(['seed'], '0x2A'), /^run\.json: seed: /],
    ['a seed as a number', changed(['seed'], 42), /^run\.json: seed: /],
    ['a case without an id', changed(['cases', 2, 'id']), /^run\.json: cases\.2\.id: /],
    ['a failure without a reason', changed(['cases', 1, 'reason']), /^run\.json: cases\.1\.reason: is missing/],
    ['a summary that counts wrong', changed(['summary', 'pass'], 2), /^run\.json: summary\.pass: is 2, but 1 /],
    ['a case that is there twice', changed(['cases', 1, 'id'], 'mdl/example'), /^run\.json: cases\.1\.id: .*twice/],
  ])('refuses %s and names the place', (_, text, message) => {
    expect(complaint(text)).toMatch(message)
  })

  it('names every problem on a line of its own', () => {
    const record = JSON.parse(changed(['seed'], 1)) as { backend: unknown }
    record.backend = 2
    expect(complaint(JSON.stringify(record)).split('\n')).toHaveLength(2)
  })

  it('says that a file cannot be read', () => {
    expect(() => readRecord('/nowhere/run.json')).toThrow(/^\/nowhere\/run\.json: cannot be read: /)
  })

  it('reads a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'probar-record-'))
    try {
      writeFileSync(join(folder, 'run.json'), JSON.stringify(example))
      expect(readRecord(join(folder, 'run.json'))).toEqual(example)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
