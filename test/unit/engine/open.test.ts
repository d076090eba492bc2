import { describe, expect, it } from '@jest/globals'
import { ProbarError } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { VirtualClock } from '../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../src/backend/loopback/device.ts'
import type { Device, DmaDomain } from '../../../src/device/contract.ts'
import { EduEngine } from '../../../src/engine/edu/engine.ts'
import { openCyclicEngine, openEngine } from '../../../src/engine/open.ts'
import { FrameStore } from '../../../src/memory/frame-store.ts'
import { loadNative } from '../../../src/native/load.ts'
import { loadProfile } from '../../../src/profile/load.ts'

const EDU = { addressBits: 28, maxTransfer: 4095, bufferOffset: 0x4_0000 }

const openFrames = (frames = 4): FrameStore =>
  new FrameStore({ native: loadNative().memory, frames, random: seededRandom(1n) })
const openDevice = (ref = 'loopback:edu'): Device => openLoopback(ref, { clock: new VirtualClock(), random: () => 7 })

/** The device with some of its members replaced. */
const withMembers = (device: Device, members: Partial<Device>): Device =>
  new Proxy(device, {
    get: (target, key) => (Object.hasOwn(members, key) ? Reflect.get(members, key) : Reflect.get(target, key, target)),
  })

function opening(device: Device, frames: FrameStore): unknown {
  try {
    return new EduEngine({ ...EDU, device, frames })
  } catch (error) {
    return error
  }
}

describe('openEngine', () => {
  it('opens what the profile names, and nothing when it names nothing', () => {
    using frames = openFrames()
    using device = openDevice()
    const dma = loadProfile('qemu-edu').dma
    if (dma === undefined) throw new Error('the profile of edu names no engine')
    using engine = openEngine({ dma }, device, frames)
    expect(engine?.name).toBe('edu')
    expect(openEngine({}, device, frames)).toBeUndefined()
    expect(openCyclicEngine({ dma }, device, frames)).toBeUndefined()
  })

  it('takes its abilities from the description and the device', () => {
    using frames = openFrames()
    using device = openDevice()
    using engine = new EduEngine({ ...EDU, device, frames })
    expect(engine.name).toBe('edu')
    expect(engine.abilities).toEqual({
      maxTransfer: 4095,
      addressBits: 28,
      completion: ['poll', 'interrupt'],
      interrupts: true,
      listLength: 1,
      alignment: 1,
      channels: 1,
      abort: 'drains',
      carries: true,
    })
  })

  it('gives back its page and its mapping when it is closed', () => {
    using frames = openFrames()
    using device = openDevice()
    const engine = new EduEngine({ ...EDU, device, frames })
    expect([frames.allocated, device.dma.entries]).toEqual([1, 1])
    engine.close()
    expect([frames.allocated, device.dma.entries]).toEqual([0, 0])
  })
})

describe('an edu engine that cannot be opened leaves nothing behind', () => {
  it('without BAR 0', () => {
    using frames = openFrames()
    using device = openDevice()
    expect(opening(withMembers(device, { regions: [] }), frames)).toHaveProperty('code', 'region-absent')
    expect([frames.allocated, device.dma.entries]).toEqual([0, 0])
  })

  it('without a frame for its page', () => {
    using frames = openFrames(1)
    using device = openDevice()
    frames.allocate({ count: 1 })
    expect(opening(device, frames)).toHaveProperty('code', 'out-of-memory')
    expect([frames.allocated, device.dma.entries]).toEqual([1, 0])
  })

  it('without a mapping of its page', () => {
    using frames = openFrames()
    using device = openDevice()
    const map = (): never => {
      throw new ProbarError('dma-entries-exhausted', 'none left')
    }
    const dma: DmaDomain = { capabilities: device.dma.capabilities, entries: 0, map }
    expect(opening(withMembers(device, { dma }), frames)).toHaveProperty('code', 'dma-entries-exhausted')
    expect(frames.allocated).toBe(0)
  })
})

describe('an edu engine', () => {
  it('offers no interrupts on a device that has no MSI', async () => {
    using frames = openFrames()
    using device = openDevice()
    const { interrupts } = device
    const none = new Proxy(interrupts, {
      get: (target, key) => {
        const value: unknown = key === 'vectors' ? { intx: 1, msi: 0, msix: 0 } : Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    using engine = new EduEngine({ ...EDU, device: withMembers(device, { interrupts: none }), frames })
    expect(engine.abilities).toMatchObject({ completion: ['poll'], interrupts: false })
    await expect(engine.interrupt()).rejects.toHaveProperty('code', 'interrupt-unavailable')
  })

  it('takes an interrupt without its own cause in the status for somebody else’s', async () => {
    using frames = openFrames()
    using device = openDevice('loopback:edu?fault=interrupt-status-lost')
    device.config.write16(4, 6)
    using engine = new EduEngine({ ...EDU, device, frames })
    await expect(engine.interrupt()).rejects.toMatchObject({ code: 'interrupt-unavailable' })
  })

  it('says that a device which answers with all ones is gone', async () => {
    using frames = openFrames()
    using device = openDevice()
    device.config.write16(4, 6)
    using engine = new EduEngine({ ...EDU, maxTransfer: 5000, device, frames })
    // More than the buffer holds: the model leaves the bus, as QEMU's does.
    using mapping = device.dma.map({ memory: frames, indices: Uint32Array.of(1, 2) }, 'read', { kind: 'join' })
    await expect(engine.read(mapping.segments.slice(0, 5000))).rejects.toHaveProperty('code', 'device-gone')
  })
})
