import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { packageVersion } from '../../src/cli/package.ts'

const root = join(import.meta.dirname, '../..')
// Each test starts programs, and other tests run meanwhile.
jest.setTimeout(30_000)

/** The command line as a program of its own, built anew: what the rest of these tests runs is inside this process. */
let built = ''
beforeAll(() => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  built = mkdtempSync(join(root, '.cache/process-test-'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [
    tsc,
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    built,
    '--sourceMap',
    'false',
  ])
}, 120_000)
afterAll(() => rmSync(built, { recursive: true }))

/** A line for sh, in which $PROBAR is the program. */
function shell(line: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const env = { ...process.env, NODE_OPTIONS: '', PROBAR: `${process.execPath} ${join(built, 'cli/main.js')}` }
  return spawnSync('sh', ['-c', line], { env, cwd: built, encoding: 'utf8' })
}

describe('probar as a program', () => {
  it('tells its version', () => {
    expect(shell('$PROBAR --version')).toMatchObject({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' })
  })

  it('says when the current folder is gone', () => {
    const { status, stderr } = shell('mkdir gone && cd gone && rmdir ../gone && $PROBAR rules')
    expect([status, stderr]).toEqual([2, 'error usage: the current folder is not there any more; change to another\n'])
  })

  it('says when too few files may be open to load it', () => {
    const { status, stderr } = shell('ulimit -n 40 && $PROBAR rules')
    expect(status).toBe(4)
    expect(stderr).toMatch(/^error os-error: too few files may be open to load Probar; .*ulimit -n 256\n$/)
  })

  it('is loaded with the limit that it asks for', () => {
    expect(shell('ulimit -n 256 && $PROBAR --help').status).toBe(0)
  })
})
