import { describe, expect, it } from '@jest/globals'
import { sleep } from '../../../src/base/clock.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import type { Device, DmaDomain } from '../../../src/device/contract.ts'
import { EduEngine } from '../../../src/engine/edu/engine.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { loadNative } from '../../../src/native/load.ts'

const openFrames = (): FrameStore =>
  new FrameStore({ native: loadNative().memory, frames: 8, random: seededRandom(1n) })
function openEdu(ref = 'loopback:edu') {
  const device = openLoopback(ref, { clock: new VirtualClock(), random: () => 7 })
  device.config.write16(4, 6)
  return device
}
const engineOn = (device: Device, frames: FrameStore): EduEngine =>
  new EduEngine({ device, frames, addressBits: 28, maxTransfer: 4095, bufferOffset: 0x4_0000 })

const endOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  )

describe('an abort of edu', () => {
  it('leaves nothing that begins later, also where the transfer was about to begin', async () => {
    using frames = openFrames()
    using device = openEdu()
    using engine = engineOn(device, frames)
    const indices = frames.allocate({ count: 1 })
    using mapping = device.dma.map({ memory: frames, indices }, 'write', { kind: 'scatter', addressBits: 28 })
    const ended = endOf(engine.write(mapping.segments.slice(0, 64), new Uint8Array(64)))
    await engine.abort()
    expect(await ended).toBe('cancelled')
    expect(engine.idle()).toBe(true)
    mapping.unmap()
    frames.free(indices)
  })

  it('is heard by who waits for an interrupt', async () => {
    using frames = openFrames()
    using device = openEdu('loopback:edu?fault=irq-lost')
    using engine = engineOn(device, frames)
    const ended = endOf(engine.interrupt())
    await sleep(device.clock, 1)
    await engine.abort()
    expect(await ended).toBe('cancelled')
  })

  it('before an interrupt was asked for raises none', async () => {
    using frames = openFrames()
    using device = openEdu()
    using engine = engineOn(device, frames)
    await engine.interrupt()
    expect(await endOf(engine.interrupt({ signal: AbortSignal.abort() }))).toBe('cancelled')
    await sleep(device.clock, 10)
    expect(device.interrupts.count(0)).toBe(1)
  })
})

describe('an engine of edu that is closed', () => {
  it.each([
    [true, 'gives its page back', 0],
    [false, 'keeps the page that the device still reaches', 1],
  ])('in the midst of a transfer, where translations can be revoked (%s), %s', async (revocable, _, kept) => {
    using frames = openFrames()
    using edu = openEdu()
    const dma: DmaDomain = {
      capabilities: { ...edu.dma.capabilities, revocable },
      get entries() {
        return edu.dma.entries
      },
      map: (of, access, placement) => edu.dma.map(of, access, placement),
    }
    const device = new Proxy(edu, { get: (of, key) => (key === 'dma' ? dma : Reflect.get(of, key, of)) })
    const engine = engineOn(device, frames)
    const indices = frames.allocate({ count: 1 })
    using mapping = edu.dma.map({ memory: frames, indices }, 'read', { kind: 'scatter', addressBits: 28 })
    const ended = endOf(engine.read(mapping.segments.slice(0, 64)))
    await sleep(edu.clock, 1)
    engine.close()
    expect(await ended).toBe('closed')
    expect(frames.allocated).toBe(1 + kept)
    expect(edu.dma.entries).toBe(1)
  })
})
