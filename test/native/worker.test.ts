import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, it, jest } from '@jest/globals'
import { addressSpace, frameMappings, openMemoryFiles, runNode } from './process.ts'
import { ADDON_PATH, codeThrownBy, describeAddon } from './providers.ts'

// Processes and builds of their own take longer where cores are few.
jest.setTimeout(60_000)

/** Much more than a worker itself needs. */
const SPACE = 2 ** 36
const PAGE = 4096

/** Opens areas in a worker, tells that it did, and then does what `rest` says. */
const start = (rest: string): Worker => {
  const worker = new Worker(
    `const native = require(${JSON.stringify(ADDON_PATH)})
     const { parentPort } = require('node:worker_threads')
     const memory = native.createMemory(64 * ${PAGE})
     const space = native.reserve(${SPACE})
     const place = native.address(space)
     const views = [0, 2, 4].map((at) => native.mapFrames(place + at * ${PAGE}, memory, Uint32Array.of(at + 1, at), 3))
     const bytes = views.map((view) => new Uint8Array(native.bytes(view)))
     native.fill(memory, 0, 64 * ${PAGE}, 1)
     parentPort.postMessage({ memory, views })
     ${rest}`,
    { eval: true },
  )
  started.push(worker)
  return worker
}

/** Also when a test fails, none may outlive it. */
const started: Worker[] = []
afterEach(() => Promise.all(started.splice(0).map((worker) => worker.terminate())))

const lastMessage = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    let last: unknown
    worker.on('message', (message) => (last = message))
    worker.on('error', reject)
    worker.on('exit', () => resolve(last))
  })

const origin = addressSpace()

/** Rounded to whole spaces above what the process had at first, so that its own growth and shrinking does not count. */
const state = () => ({
  mappings: frameMappings(),
  files: openMemoryFiles(),
  spaces: Math.round((addressSpace() - origin) / SPACE) + 0, // no -0
})

describeAddon('a worker', ({ memory: surface }) => {
  it('has areas of its own', async () => {
    const areas = Array.from({ length: 8 }, () => surface.reserve(PAGE))
    const worker = start(`const areas = ${JSON.stringify(areas)}
      parentPort.postMessage(areas.slice(-1).map((area) => { try { return native.size(area) } catch (error) { return error.code } }))`)
    expect(await lastMessage(worker)).toEqual(['closed'])
    expect(areas.map((area) => surface.size(area))).toEqual(areas.map(() => PAGE))
    for (const area of areas) surface.release(area)
  })

  it('frees everything when it ends', async () => {
    const before = state()
    const worker = start(`parentPort.once('message', () => {})`)
    await once(worker, 'message')
    const during = state()
    expect(during.mappings).toBeGreaterThan(before.mappings)
    expect(during.files).toBe(before.files + 1)
    expect(during.spaces).toBe(before.spaces + 1)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    worker.postMessage('end')
    await once(worker, 'exit')
    expect(state()).toEqual(before)
  })

  it('frees everything when it is terminated in the middle of its work', async () => {
    const before = state()
    const worker = start(`for (let round = 0; ; round++) {
      const at = place + (8 + (round % 8)) * ${PAGE}
      const view = native.mapFrames(at, memory, Uint32Array.of(round % 64), 3)
      native.bytes(view)
      try { native.load8(space, 32 * ${PAGE}) } catch {}
      if (round % 3 > 0) native.release(view); else { native.protect(view, 0); native.release(view) }
    }`)
    await once(worker, 'message')
    await worker.terminate()
    expect(state()).toEqual(before)
  })

  it('faults on its own while others do', async () => {
    const loop = `const space2 = native.reserve(4096); let count = 0
      for (let i = 0; i < 20000; i++) try { native.load8(space2, 0) } catch (error) { count += error.code === 'access-violation' }
      parentPort.postMessage(count)`
    const workers = [start(loop), start(loop)]
    const space = surface.reserve(PAGE)
    const codes = new Set<unknown>()
    for (let i = 0; i < 20_000; i++) codes.add(codeThrownBy(() => surface.load8(space, 0)))
    const counts = await Promise.all(workers.map(lastMessage))
    expect(counts).toEqual([20_000, 20_000])
    expect([...codes]).toEqual(['access-violation'])
  })

  it('may be the only one to load the addon, and the guard outlives it', () => {
    const outcome = runNode(`
      const { Worker } = require('node:worker_threads')
      const code = ${JSON.stringify(`const native = require(${JSON.stringify(ADDON_PATH)}); const space = native.reserve(4096)
        try { native.load8(space, 0) } catch (error) { require('node:worker_threads').parentPort.postMessage(error.code) }`)}
      const round = (left) => new Worker(code, { eval: true }).on('message', console.log).on('exit', (status) => {
        if (left > 1) return round(left - 1)
        console.log(status)
        process.kill(process.pid, 'SIGSEGV')
      })
      round(3)`)
    expect(outcome.stdout.trim().split('\n')).toEqual([...Array(3).fill('access-violation'), '0'])
    expect(outcome.signal).toBe('SIGSEGV')
  })
})
