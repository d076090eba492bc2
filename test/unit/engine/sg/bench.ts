import { afterEach } from '@jest/globals'
import { seededRandom } from '../../../../src/base/random.ts'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import { openLoopback } from '../../../../src/backend/loopback/device.ts'
import type { Device } from '../../../../src/device/contract.ts'
import { SgCyclicEngine } from '../../../../src/engine/sg/cyclic-engine.ts'
import { SgEngine } from '../../../../src/engine/sg/engine.ts'
import { FrameStore } from '../../../../src/memory/frame-store.ts'
import { loadNative } from '../../../../src/native/load.ts'

const opened: Disposable[] = []
afterEach(() => {
  for (const one of opened.splice(0).toReversed()) one[Symbol.dispose]()
})

/** Closed after the test, the last first. */
export function closing<T extends Disposable>(thing: T): T {
  opened.push(thing)
  return thing
}

export function openFrames(frames = 64): FrameStore {
  return closing(new FrameStore({ native: loadNative().memory, frames, random: seededRandom(5n) }))
}

export function openSg(ref = 'loopback:sg'): Device {
  const random = seededRandom(7n)
  const device = closing(openLoopback(ref, { clock: new VirtualClock(), random: () => random.below(2 ** 32) }))
  device.config.write16(4, 6)
  return device
}

/** The device with some of its members replaced. */
export const withMembers = (device: Device, members: Partial<Device>): Device =>
  new Proxy(device, {
    get: (target, key) => (Object.hasOwn(members, key) ? Reflect.get(members, key) : Reflect.get(target, key, target)),
  })

export const LIMITS = { addressBits: 64, maxTransfer: 0x4000, granularity: 1 }

export function bench(ref?: string) {
  const frames = openFrames()
  const device = openSg(ref)
  const engine = closing(new SgEngine({ ...LIMITS, device, frames }))
  const cyclic = closing(new SgCyclicEngine({ device, frames, addressBits: 64, records: 'counter' }))
  const map = (count: number) => {
    const indices = frames.allocate({ count })
    return { indices, mapping: closing(device.dma.map({ memory: frames, indices }, 'both')) }
  }
  return { frames, device, engine, cyclic, map }
}
