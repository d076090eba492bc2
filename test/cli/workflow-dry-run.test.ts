import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { junitDocument } from '../../src/report/junit-document.ts'
import { exampleCase, exampleRecord, exampleSkip } from '../unit/record/example.ts'

// Each test starts programs, and other tests run meanwhile.
jest.setTimeout(30_000)

interface Judge {
  readonly bench: (out: string, words: readonly string[]) => number | null
  readonly expect: (holds: boolean, otherwise: string) => void
  readonly print: (text: string) => void
}
const { dryRun } = (await import(new URL('../../lab/workflow.mjs', import.meta.url).href)) as {
  readonly dryRun: (judge: Judge) => void
}

let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'probar-dry-run-'))))
afterAll(() => rmSync(folder, { recursive: true }))

const DOCTOR = 'if [ "$3" = 0000:01:00.0 ]; then echo ready; else echo "no $3"; exit 3; fi'
const RECORD = 'cp "$REPORTS/run.json" reports/probar.json'
const JUNIT = 'cp "$REPORTS/run.xml" reports/probar.xml'
const cases = [
  exampleCase(),
  exampleCase({ id: 'mdl/other', verdict: 'fail' }),
  exampleSkip('no-dma-engine', { id: 'mdl/third' }),
]

/** What the dry run finds when the job runs here, with a program for `probar` that answers as told. */
function findings({
  doctor = DOCTOR,
  run = `${RECORD}; ${JUNIT}`,
  xml = junitDocument(exampleRecord(cases)),
}): readonly string[] {
  const bin = mkdtempSync(join(folder, 'bin-'))
  writeFileSync(join(bin, 'run.json'), JSON.stringify(exampleRecord(cases)))
  writeFileSync(join(bin, 'run.xml'), xml)
  writeFileSync(join(bin, 'probar'), `#!/bin/sh\ncase $1 in doctor) ${doctor} ;; run) ${run} ;; esac\n`, {
    mode: 0o755,
  })
  const found: string[] = []
  const bench = (out: string, [, ...words]: readonly string[]): number | null => {
    mkdirSync(out, { recursive: true })
    const PATH = [bin, process.env['PATH']].join(delimiter)
    const env = { ...process.env, NODE_OPTIONS: '', PATH, PROBAR_OUT: out, REPORTS: bin }
    return spawnSync(process.execPath, words, { env, stdio: 'ignore' }).status
  }
  dryRun({ bench, expect: (holds, otherwise) => void (holds || found.push(otherwise)), print: () => undefined })
  return found
}

describe('the dry run of the workflow', () => {
  it('finds nothing where the job does what it should', () => {
    expect(findings({})).toEqual([])
  })

  it.each([
    [
      'a doctor who lets everything pass',
      { doctor: 'true' },
      /the doctor ended with 0 .*after the doctor's failure the run was success/,
    ],
    ['a doctor who is never content', { doctor: 'exit 3' }, /'Doctor' ended with failure, 3.*'Run' ended with skipped/],
    ['a doctor who does not say why', { doctor: '[ "$3" = 0000:01:00.0 ] || exit 3' }, /did not name the device/],
    ['a run that fails', { run: `${RECORD}; ${JUNIT}; exit 1` }, /'Run' ended with failure, 1/],
    ['a run without a record', { run: JUNIT }, /reports: .*probar\.json/],
    ['a run without JUnit', { run: RECORD }, /reports: .*probar\.xml/],
    ['JUnit that is no XML', { xml: '<testsuites>' }, /reports: /],
    ['JUnit that lacks a case', { xml: junitDocument(exampleRecord(cases.slice(1))) }, /name different cases/],
    [
      'JUnit with other outcomes',
      { xml: junitDocument(exampleRecord(cases.map((one) => exampleCase({ id: one.id })))) },
      /the record otherwise/,
    ],
  ])('finds %s', (_, planted, told) => {
    expect(findings(planted).join(' ')).toMatch(told)
  })
})
