import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { junitDocument } from '../../../src/report/junit-document.ts'
import { JunitReporter } from '../../../src/report/junit.ts'
import { exampleCase, exampleHead, exampleRecord } from '../record/example.ts'

const one = exampleCase()
const record = exampleRecord([one])
const why = { code: 'interrupted', text: 'interrupted after 1 of 2 cases' }

describe('a JUnit report', () => {
  let folder = ''
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'probar-junit-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  const reporter = (): JunitReporter => new JunitReporter(join(folder, 'run.xml'))
  const written = (): string => readFileSync(join(folder, 'run.xml'), 'utf8')

  it('is there in whole when the run is done, and not before', () => {
    const junit = reporter()
    junit.start(exampleHead)
    junit.caseDone(one)
    expect(readdirSync(folder)).toEqual([])
    junit.done(record)
    expect(readdirSync(folder)).toEqual(['run.xml'])
    expect(written()).toBe(junitDocument(record))
  })

  it('of an interrupted run has the cases that ended before, and the interruption', () => {
    const junit = reporter()
    junit.start(exampleHead)
    junit.caseDone(one)
    junit.abort(why)
    expect(written()).toBe(junitDocument(record, why))
  })

  it('of a run that reached no device has the reason', () => {
    reporter().abort(why)
    expect(written()).toBe(junitDocument(undefined, why))
  })

  it('tells also of a device that could not be put back after the run', () => {
    const junit = reporter()
    junit.start(exampleHead)
    junit.caseDone(one)
    junit.done(record)
    junit.abort({ code: 'os-error', text: 'the driver did not take it' })
    expect(written()).toBe(junitDocument(record, { code: 'os-error', text: 'the driver did not take it' }))
  })

  it('is refused where it cannot be written', () => {
    expect(() => new JunitReporter(join(folder, 'none', 'run.xml'))).toThrow(/junit=.*cannot write to the folder/)
  })
})
