import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { describeAddon } from './providers.ts'

// Processes and builds of their own take longer where cores are few.
jest.setTimeout(60_000)

const ROOT = new URL('../..', import.meta.url).pathname

describe('installing', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'probar-install-'))
    mkdirSync(join(folder, 'package/native'), { recursive: true })
    mkdirSync(join(folder, 'bin'))
    symlinkSync(process.execPath, join(folder, 'bin/node'))
    cpSync(join(ROOT, 'native/install.mjs'), join(folder, 'package/native/install.mjs'))
    cpSync(join(ROOT, 'package.json'), join(folder, 'package/package.json'))
    writeFileSync(
      join(folder, 'package/CMakeLists.txt'),
      'cmake_minimum_required(VERSION 3.18)\nmessage(FATAL_ERROR planted)\n',
    )
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const install = (path: string, ...options: readonly string[]) =>
    spawnSync(process.execPath, [join(folder, 'package/native/install.mjs'), ...options], {
      encoding: 'utf8',
      env: { ...process.env, PATH: path, CXX: '' },
    })

  it('without tools succeeds with a notice of what is missing, what works and what to do', () => {
    const { status, stdout, stderr } = install(join(folder, 'bin'))
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    for (const text of ['cmake', 'C++20 compiler', 'loopback', 'koffi', 'apt-get install g++ cmake make']) {
      expect(stderr).toContain(text)
    }
    expect(stderr).not.toContain('at file:')
  })

  it('without tools fails when the addon is required', () => {
    expect(install(join(folder, 'bin'), '--required').status).toBe(1)
  })

  it('without the package cmake-js names it', () => {
    const { status, stderr } = install(process.env['PATH'] ?? '')
    expect(status).toBe(0)
    expect(stderr).toContain('npm package cmake-js')
  })

  describeAddon('with tools', () => {
    beforeEach(() => symlinkSync(join(ROOT, 'node_modules'), join(folder, 'package/node_modules')))

    it('shows why a build failed, and succeeds', () => {
      const { status, stderr } = install(process.env['PATH'] ?? '')
      expect(status).toBe(0)
      expect(stderr).toContain('planted')
      expect(stderr).toContain('the build failed')
    })

    it('fails when the addon is required', () => {
      const { status, stderr } = install(process.env['PATH'] ?? '', '--required')
      expect(status).toBe(1)
      expect(stderr).toContain('planted')
    })
  })
})
