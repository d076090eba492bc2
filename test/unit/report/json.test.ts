import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { codeOf, OsError } from '../../../src/base/errors.ts'
import { parseRecord } from '../../../src/record/read.ts'
import { JsonReporter } from '../../../src/report/json.ts'
import { exampleCase, exampleRecord } from '../record/example.ts'
import { Sink } from './sink.ts'

const record = exampleRecord([exampleCase()])

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'probar-json-'))
  try {
    use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function write(target: string): void {
  const reporter = new JsonReporter({ target, stdout: new Sink() })
  reporter.start()
  reporter.done(record)
}

function codeOfFailure(action: () => void): string | undefined {
  try {
    action()
  } catch (error) {
    return codeOf(error)
  }
  return undefined
}

describe('a JSON report', () => {
  it('is a record that can be read back', () => {
    inFolder((folder) => {
      const file = join(folder, 'run.json')
      write(file)
      expect(parseRecord(readFileSync(file, 'utf8'), file)).toEqual(record)
    })
  })

  it('replaces an older one and leaves nothing beside it', () => {
    inFolder((folder) => {
      writeFileSync(join(folder, 'run.json'), 'x'.repeat(100_000))
      write(join(folder, 'run.json'))
      expect(readdirSync(folder)).toEqual(['run.json'])
      expect(parseRecord(readFileSync(join(folder, 'run.json'), 'utf8'), '')).toEqual(record)
    })
  })

  it('leaves an older one as it was until the run is done', () => {
    inFolder((folder) => {
      const file = join(folder, 'run.json')
      writeFileSync(file, 'old')
      const reporter = new JsonReporter({ target: file, stdout: new Sink() })
      reporter.start()
      reporter.abort()
      expect(readFileSync(file, 'utf8')).toBe('old')
      expect(readdirSync(folder)).toEqual(['run.json'])
    })
  })

  it('follows a link instead of replacing it', () => {
    inFolder((folder) => {
      mkdirSync(join(folder, 'there'))
      writeFileSync(join(folder, 'there', 'run.json'), 'old')
      symlinkSync(join(folder, 'there', 'run.json'), join(folder, 'link.json'))
      write(join(folder, 'link.json'))
      expect(lstatSync(join(folder, 'link.json')).isSymbolicLink()).toBe(true)
      expect(parseRecord(readFileSync(join(folder, 'there', 'run.json'), 'utf8'), '')).toEqual(record)
    })
  })

  it('goes to the stream when the target is -', () => {
    const stdout = new Sink()
    const reporter = new JsonReporter({ target: '-', stdout })
    reporter.start()
    expect(stdout.text).toBe('')
    reporter.done(record)
    expect(parseRecord(stdout.text, '-')).toEqual(record)
  })

  it('refuses a folder that does not exist before any case runs', () => {
    inFolder((folder) => {
      const target = join(folder, 'none', 'run.json')
      expect(codeOfFailure(() => new JsonReporter({ target, stdout: new Sink() }))).toBe('usage')
    })
  })

  it('refuses a folder in place of a file before any case runs', () => {
    inFolder((folder) => {
      expect(codeOfFailure(() => new JsonReporter({ target: folder, stdout: new Sink() }))).toBe('usage')
    })
  })

  it('names the system call when writing fails', () => {
    inFolder((folder) => {
      mkdirSync(join(folder, 'gone'))
      const reporter = new JsonReporter({ target: join(folder, 'gone', 'run.json'), stdout: new Sink() })
      rmSync(join(folder, 'gone'), { recursive: true })
      expect(() => reporter.done(record)).toThrow(OsError)
      expect(codeOfFailure(() => reporter.done(record))).toBe('os-error')
    })
  })
})
