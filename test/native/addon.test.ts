import { readFileSync, truncateSync } from 'node:fs'
import { describe, expect, it, jest } from '@jest/globals'
import { Protection } from '../../src/native/surface.ts'
import { newestMemoryFile, runNode } from './process.ts'
import { ADDON_PATH, codeThrownBy, describeAddon } from './providers.ts'

// Processes and builds of their own take longer where cores are few.
jest.setTimeout(60_000)

const PAGE = 4096
const { read, readWrite } = Protection
const load = `const native = require(${JSON.stringify(ADDON_PATH)});`

describeAddon('JavaScript memory', ({ memory: surface }) => {
  const open = () => {
    const memory = surface.createMemory(4 * PAGE)
    const space = surface.reserve(8 * PAGE)
    const view = surface.mapFrames(surface.address(space) + PAGE, memory, Uint32Array.of(2, 0), readWrite)
    return { memory, space, view }
  }

  it('of a view is the same memory', () => {
    const { memory, view } = open()
    new Uint8Array(surface.bytes(view))[3] = 7
    expect(surface.load8(memory, 2 * PAGE + 3)).toBe(7)
    expect(surface.bytes(view)).toBe(surface.bytes(view))
  })

  it.each(['view', 'space'] as const)('is detached when the %s is released', (released) => {
    const areas = open()
    const bytes = surface.bytes(areas.view)
    expect(bytes.byteLength).toBe(2 * PAGE)
    surface.release(areas[released])
    expect(bytes.byteLength).toBe(0)
  })

  it('is detached before its pages are protected, and can be had again', () => {
    const { view } = open()
    const bytes = surface.bytes(view)
    surface.protect(view, read)
    expect(bytes.byteLength).toBe(0)
    expect(codeThrownBy(() => surface.bytes(view))).toBe('access-violation')
    surface.protect(view, readWrite)
    expect(surface.bytes(view).byteLength).toBe(2 * PAGE)
  })

  it('is never offered of reserved space', () => {
    expect(codeThrownBy(() => surface.bytes(open().space))).toBe('access-violation')
  })

  it('cannot be transferred out of reach of its release', () => {
    const { view } = open()
    const bytes = surface.bytes(view)
    // Node 20 copies what may not be transferred, later versions throw.
    const elsewhere = ((): ArrayBuffer => {
      try {
        return structuredClone(bytes, { transfer: [bytes] })
      } catch {
        return new ArrayBuffer(bytes.byteLength)
      }
    })()
    expect(bytes.byteLength).toBe(2 * PAGE)
    surface.store8(view, 0, 1)
    expect(new Uint8Array(elsewhere)[0]).toBe(0)
    surface.release(view)
    expect(new Uint8Array(elsewhere)[0]).toBe(0)
  })

  it('larger than Node takes is an error', () => {
    const memory = surface.createMemory(2 ** 32)
    expect(codeThrownBy(() => surface.bytes(memory))).toBe('capability-missing')
    surface.release(memory)
  })

  it('as the source of a write is guarded too', () => {
    const { memory, view } = open()
    const source = new Uint8Array(surface.bytes(memory))
    truncateSync(newestMemoryFile(), 0)
    expect(codeThrownBy(() => surface.write(memory, 0, source))).toBe('access-violation')
    expect(codeThrownBy(() => surface.compare(view, 0, source.subarray(0, 8)))).toBe('access-violation')
  })
})

describeAddon('the fault guard', ({ memory: surface }) => {
  it('turns vanished memory into an exception, again and again', () => {
    const memory = surface.createMemory(2 * PAGE)
    surface.store32(memory, 0, 1)
    truncateSync(newestMemoryFile(), 0)
    for (let time = 0; time < 100; time++)
      expect(codeThrownBy(() => surface.load32(memory, 0))).toBe('access-violation')
    expect(codeThrownBy(() => surface.fill(memory, 0, PAGE, 1))).toBe('access-violation')
    surface.release(memory)
  })

  it('lets a fault of anybody else end the process as before', () => {
    const outside = `${load} require('koffi').load(null).func('memset', 'intptr_t', ['intptr_t', 'int', 'size_t'])(64, 0, 1)`
    expect(runNode(outside).signal).toBe('SIGSEGV')
  })

  it.each(['SIGSEGV', 'SIGBUS'])('lets a %s that was sent end the process as before', (signal) => {
    expect(runNode(`${load} process.kill(process.pid, '${signal}'); setTimeout(() => {}, 10000)`).signal).toBe(signal)
  })

  it('leaves the traps of WebAssembly to V8', () => {
    // (module (memory 1) (func (export "f") (param i32) (result i32) local.get 0 i32.load))
    const bytes = '0061736d0100000001060160017f017f030201000503010001070501016600000a0901070020002802000b'
    const outcome = runNode(`${load}
      const space = native.reserve(4096);
      const fault = () => { try { native.load8(space, 0) } catch (error) { return error.code } };
      const { f } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from('${bytes}', 'hex'))).exports;
      const trap = () => { try { return f(0x7ffffff0) } catch (error) { return error.constructor.name } };
      console.log(fault(), trap(), fault(), trap(), f(0));`)
    expect(outcome.stdout.trim()).toBe('access-violation RuntimeError access-violation RuntimeError 0')
  })
})

const MAPPING_LIMIT = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'))

describeAddon('more scattered frames than the kernel maps', () => {
  const test = MAPPING_LIMIT < 2 ** 17 ? it : it.skip
  test(`(${MAPPING_LIMIT}) are an error that leaves only reserved space`, () => {
    const outcome = runNode(`${load}
      const count = ${MAPPING_LIMIT + 100}
      const memory = native.createMemory(2 * count * 4096)
      const space = native.reserve(count * 4096)
      const frames = Uint32Array.from({ length: count }, (_, index) => 2 * index)
      const code = (action) => { try { action() } catch (error) { return error.code } }
      const refused = code(() => native.mapFrames(native.address(space), memory, frames, 3))
      const left = require('node:fs').readFileSync('/proc/self/maps', 'utf8').split('memfd:probar').length - 1
      console.log(refused, code(() => native.load8(space, 0)), left)`)
    expect(outcome.stdout.trim()).toBe('out-of-memory access-violation 1')
  })
})

describeAddon('every export', ({ memory, vfio }) => {
  const exported = Object.entries({ ...memory, ...vfio }).filter(
    (entry): entry is [string, (...values: readonly unknown[]) => unknown] => typeof entry[1] === 'function',
  )
  const wrong: readonly unknown[] = [undefined, null, 'x', {}, [], true, Symbol('x'), 1n, -1, NaN, 2 ** 60, () => 1]

  it('is a function that was asked for', () => {
    expect(exported.length).toBeGreaterThanOrEqual(39)
  })

  it.each(exported.filter(([name]) => name !== 'openContainer' && name !== 'setErrorFactory'))(
    '%s answers wrong arguments with a coded error',
    (_, call) => {
      const lists = [
        [],
        ...wrong.flatMap((value) => [1, 2, 6, 12].map((count) => Array.from({ length: count }, () => value))),
      ]
      for (const values of lists) expect(typeof codeThrownBy(() => call(...values))).toBe('string')
    },
  )

  it.each([undefined, 1, 'x', {}])('setErrorFactory refuses %p', (make) => {
    const call = Object.fromEntries(exported)['setErrorFactory']
    expect(codeThrownBy(() => call?.(make))).toBe('internal')
  })
})

describe('without an error factory', () => {
  describeAddon('an error', () => {
    it('still has its code', () => {
      const program = `${load} try { native.load8(9, 0) } catch (error) { console.log(error instanceof Error, error.code) }`
      expect(runNode(program).stdout.trim()).toBe('true closed')
    })

    it('is still thrown when the factory fails', () => {
      const program = `${load}
        native.setErrorFactory(() => { throw new TypeError('no') });
        try { native.load8(9, 0) } catch (error) { console.log(error.constructor.name) }
        native.setErrorFactory(() => 5);
        try { native.load8(9, 0) } catch (error) { console.log(error.code) }`
      expect(runNode(program).stdout.trim().split('\n')).toEqual(['TypeError', 'closed'])
    })
  })
})
