import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { OsError, ProbarError } from '../../src/base/errors.ts'
import { nativeError } from '../../src/native/errors.ts'
import { loadNative } from '../../src/native/load.ts'
import { Protection } from '../../src/native/surface.ts'
import { codeThrownBy, describeAddon } from './providers.ts'

const PAGE = 4096

describe('with the addon hidden', () => {
  it('memory comes from koffi, VFIO from nobody, and the reason is kept', () => {
    const native = loadNative({ hideAddon: true })
    expect(native.memory.provider).toBe('koffi')
    expect(native.vfio).toBeUndefined()
    expect(native.addonProblem).toContain('hidden')
  })

  it('surfaces do not share areas', () => {
    const [first, second] = [loadNative({ hideAddon: true }), loadNative({ hideAddon: true })]
    const area = first.memory.reserve(PAGE)
    expect(codeThrownBy(() => second.memory.size(area))).toBe('closed')
    first.memory.release(area)
  })

  it('a view is no JavaScript memory, because it could not be detached', () => {
    const { memory: surface } = loadNative({ hideAddon: true })
    const memory = surface.createMemory(PAGE)
    const space = surface.reserve(PAGE)
    const view = surface.mapFrames(surface.address(space), memory, Uint32Array.of(0), Protection.readWrite)
    expect(codeThrownBy(() => surface.bytes(view))).toBe('addon-missing')
    surface.release(space)
    surface.release(memory)
  })

  it('memory that JavaScript has seen stays harmless: never protected, still there after release', () => {
    const { memory: surface } = loadNative({ hideAddon: true })
    const memory = surface.createMemory(PAGE)
    const bytes = new Uint8Array(surface.bytes(memory))
    expect(codeThrownBy(() => surface.protect(memory, Protection.read))).toBe('addon-missing')
    surface.release(memory)
    bytes[0] = 1
    expect(bytes[0]).toBe(1)
    expect(codeThrownBy(() => surface.load8(memory, 0))).toBe('closed')
  })
})

describeAddon('loading', () => {
  it('gives the addon for both surfaces and no problem', () => {
    const native = loadNative()
    expect(native.memory.provider).toBe('addon')
    expect(native.addonProblem).toBeUndefined()
  })

  it('twice gives the same surfaces', () => {
    const area = loadNative().memory.reserve(PAGE)
    expect(loadNative().memory.size(area)).toBe(PAGE)
    loadNative().memory.release(area)
  })

  it('makes the addon throw errors of Probar', () => {
    const { memory } = loadNative()
    expect(() => memory.load8(0, 0)).toThrow(ProbarError)
    expect(() => memory.createMemory(2 ** 47)).toThrow(OsError)
  })
})

describe('the error factory', () => {
  it('makes an OsError of a failed system call', () => {
    const error = nativeError('device-busy', 'text', 16, 'open')
    expect(error).toBeInstanceOf(OsError)
    expect(error).toMatchObject({ code: 'device-busy', message: 'text', errno: 16, syscall: 'open' })
  })

  it('makes a ProbarError of anything else', () => {
    const error = nativeError('closed', 'text', 0, '')
    expect(error).toBeInstanceOf(ProbarError)
    expect(error).not.toBeInstanceOf(OsError)
  })

  it('knows every code of native/core/errors.h', () => {
    const header = readFileSync(new URL('../../native/core/errors.h', import.meta.url), 'utf8')
    const codes = [...header.matchAll(/constexpr const char\* k\w+ = "([a-z-]+)"/g)].map(([, code]) => code ?? '')
    expect(codes.length).toBeGreaterThan(20)
    expect(codes.map((code) => nativeError(code, '', 0, ''))).toEqual(
      codes.map((code) => expect.objectContaining({ code })),
    )
  })

  it('does not invent codes', () => {
    expect(nativeError('no-such-code', 'text', 0, '')).toMatchObject({ code: 'internal' })
  })
})
