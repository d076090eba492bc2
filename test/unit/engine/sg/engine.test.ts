import { describe, expect, it } from '@jest/globals'
import { busAddress } from '../../../../src/base/address.ts'
import { sleep } from '../../../../src/base/clock.ts'
import { codeOf, ProbarError } from '../../../../src/base/errors.ts'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import type { DmaDomain } from '../../../../src/device/contract.ts'
import { allOnes } from '../../../../src/device/register-access.ts'
import { interpret } from '../../../../src/device/register-program/interpret.ts'
import type { RegisterProgram } from '../../../../src/device/register-program/program.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { openCyclicEngine, openEngine } from '../../../../src/engine/open.ts'
import { SgCyclicEngine } from '../../../../src/engine/sg/cyclic-engine.ts'
import { SgEngine } from '../../../../src/engine/sg/engine.ts'
import { loadProfile } from '../../../../src/profile/load.ts'
import { bench, closing, LIMITS, openFrames, openSg, withMembers } from './bench.ts'

const timeout = expect.objectContaining({ code: 'timeout' })

/** The engines on a device that can leave the bus. */
function leaving() {
  const [frames, sg] = [openFrames(), openSg()]
  const state = { gone: false }
  const regions = sg.regions.map((region) => {
    const ones = {
      read32: () => 0xffff_ffff,
      read64: () => 2n ** 64n - 1n,
      write32: () => undefined,
      write64: () => undefined,
    }
    const run = (program: RegisterProgram): BigUint64Array =>
      interpret(program, { load: (_, width) => allOnes(width), store: () => undefined }, new VirtualClock())
    const readBlock = (_: number, into: Uint32Array): unknown => into.fill(0xffff_ffff)
    const members = { ...ones, run, readBlock, writeBlock: () => undefined }
    return new Proxy(region, {
      get: (target, key) => {
        if (state.gone && Object.hasOwn(members, key)) return Reflect.get(members, key)
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  })
  const device = withMembers(sg, { regions })
  const engine = closing(new SgEngine({ ...LIMITS, device, frames }))
  const cyclic = closing(new SgCyclicEngine({ device, frames, addressBits: 64, records: 'counter' }))
  const map = (count: number) => ({
    mapping: closing(sg.dma.map({ memory: frames, indices: frames.allocate({ count }) }, 'both')),
  })
  return { frames, device, engine, cyclic, map, leave: () => (state.gone = true) }
}

const FORMAT = { rate: 48_000, channels: 2, bits: 16 } as const

describe('the engines of sg', () => {
  it('are opened by its profile', () => {
    const [frames, device, profile] = [openFrames(), openSg(), loadProfile('probar-sg')]
    const engine = closing(openEngine(profile, device, frames) ?? { [Symbol.dispose]: () => undefined })
    const cyclic = closing(openCyclicEngine(profile, device, frames) ?? { [Symbol.dispose]: () => undefined })
    expect([engine, cyclic]).toMatchObject([
      {
        name: 'sg',
        abilities: { addressBits: 64, maxTransfer: 0x4000, listLength: 64, channels: 2, abort: 'at-once' },
      },
      { name: 'sg', abilities: { directions: ['output', 'input'], records: 'counter', tap: true } },
    ])
  })

  it('leave nothing behind when they are closed, or cannot be opened', () => {
    const [frames, device] = [openFrames(8), openSg()]
    const engine = new SgEngine({ ...LIMITS, device, frames })
    const cyclic = new SgCyclicEngine({ device, frames, addressBits: 64, records: 'counter' })
    expect([frames.allocated, device.dma.entries]).toEqual([6, 2])
    expect(() => new SgCyclicEngine({ device, frames, addressBits: 64, records: 'counter' })).toThrow(/adjacent pages/)
    engine.close()
    cyclic.close()
    cyclic.close()
    expect([frames.allocated, device.dma.entries]).toEqual([0, 0])
    const map = (): never => {
      throw new ProbarError('dma-entries-exhausted', 'none left')
    }
    const dma: DmaDomain = { capabilities: device.dma.capabilities, entries: 0, map }
    expect(() => new SgEngine({ ...LIMITS, device: withMembers(device, { dma }), frames })).toThrow('none left')
    expect(() => new SgEngine({ ...LIMITS, device: withMembers(device, { regions: [] }), frames })).toThrow(/BAR 0/)
    expect(frames.allocated).toBe(0)
  })

  it('share the vectors, which are disabled when both are closed', async () => {
    const { device, engine, cyclic, map } = bench()
    const { mapping } = map(1)
    await engine.interrupt({ channel: 1 })
    const stream = await cyclic.open({
      direction: 'input',
      segments: mapping.segments,
      format: FORMAT,
      notifyAt: [4096],
    })
    engine.close()
    await stream.run()
    expect(await stream.notified(0)).toBe(1)
    cyclic.close()
    expect(() => device.interrupts.count(0)).toThrow(expect.objectContaining({ code: 'interrupt-unavailable' }))
  })

  it('offer no interrupts on a device that has no MSI-X', async () => {
    const [frames, sg] = [openFrames(), openSg()]
    const interrupts = new Proxy(sg.interrupts, {
      get: (target, key) => {
        const value: unknown = key === 'vectors' ? { intx: 0, msi: 0, msix: 0 } : Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const device = withMembers(sg, { interrupts })
    const engine = closing(new SgEngine({ ...LIMITS, device, frames }))
    expect(engine.abilities).toMatchObject({ completion: ['poll'], interrupts: false })
    await expect(engine.interrupt()).rejects.toMatchObject({ code: 'interrupt-unavailable' })
  })
})

describe('the engine for lists of sg', () => {
  it('uses a vector for each channel', async () => {
    const { device, engine } = bench()
    expect([await engine.interrupt(), await engine.interrupt({ channel: 1 }), await engine.interrupt()]).toEqual([
      1, 1, 2,
    ])
    expect([0, 1, 2].map((vector) => device.interrupts.count(vector))).toEqual([2, 1, 0])
  })

  it('lets transfers of one channel follow one another', async () => {
    const { engine, map } = bench()
    const { mapping } = map(4)
    const parts = [0, 1, 2, 3].map((page) => mapping.segments.slice(page * 4096, 4096))
    const data = parts.map((_, page) => new Uint8Array(4096).fill(page + 1))
    await Promise.all(parts.map((part, page) => engine.write(part, data[page] ?? new Uint8Array(0))))
    const read = await Promise.all(parts.map((part) => engine.read(part)))
    expect(read.map((bytes) => new Set(bytes))).toEqual([1, 2, 3, 4].map((byte) => new Set([byte])))
  })

  it('says why the device gave up', async () => {
    const { device, engine, map } = bench()
    const { mapping } = map(1)
    device.config.write16(4, 2)
    await expect(engine.write(mapping.segments, new Uint8Array(4096))).rejects.toMatchObject({
      code: 'device-error',
      message: expect.stringContaining('is bus mastering on?'),
    })
    device.config.write16(4, 6)
    await engine.write(mapping.segments, new Uint8Array(4096))
  })

  it('refuses what is off its alignment', async () => {
    const [frames, device] = [openFrames(), openSg()]
    const engine = closing(new SgEngine({ ...LIMITS, granularity: 8, device, frames }))
    for (const [bus, length] of [
      [0x1004, 8],
      [0x1000, 4],
    ] as const) {
      const target = Segments.of([{ bus: busAddress(bus), length }])
      await expect(engine.write(target, new Uint8Array(length))).rejects.toMatchObject({ code: 'range-outside' })
    }
  })

  it('has no more than its channels', async () => {
    const { engine } = bench()
    await expect(engine.read(Segments.of([]), { channel: 2 })).rejects.toMatchObject({ code: 'range-outside' })
    expect(() => engine.idle(-1)).toThrow(expect.objectContaining({ code: 'range-outside' }))
  })

  it('cancels what waits for its turn when the channel is aborted, too', async () => {
    const { engine, map } = bench()
    const { mapping } = map(4)
    const codes = [1, 2, 3].map(() =>
      engine.read(mapping.segments).catch((error: unknown) => (error instanceof ProbarError ? error.code : error)),
    )
    await engine.abort()
    expect(await Promise.all(codes)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(engine.idle()).toBe(true)
  })

  it('says that a device which does not come to rest should be reset', async () => {
    const { engine, map } = bench('loopback:sg?fault=list-busy-for-ever')
    const { mapping } = map(1)
    await expect(engine.read(mapping.segments, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' })
    await expect(engine.abort(0, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('reset the device'),
    })
    expect(() => engine.close()).toThrow(expect.objectContaining({ errors: [timeout, timeout] }))
  })

  it.each([
    [true, 0],
    [false, 2],
  ])('keeps its rings from others where the device may still read them: revocable %s', (revocable, kept) => {
    const [frames, sg] = [openFrames(), openSg('loopback:sg?fault=list-busy-for-ever')]
    const dma: DmaDomain = {
      capabilities: { ...sg.dma.capabilities, revocable },
      entries: 0,
      map: (of, access, placement) => sg.dma.map(of, access, placement),
    }
    const engine = new SgEngine({ ...LIMITS, device: withMembers(sg, { dma }), frames })
    expect(() => engine.close()).toThrow('2 steps of closing failed')
    expect([frames.allocated, sg.dma.entries]).toEqual([kept, 0])
  })

  it('splits what is longer than a descriptor of the device, whatever its profile says', async () => {
    const [frames, device] = [openFrames(), openSg()]
    const engine = closing(new SgEngine({ ...LIMITS, maxTransfer: 0x1_0000, device, frames }))
    const indices = frames.allocate({ count: 8, contiguous: true })
    const mapping = closing(device.dma.map({ memory: frames, indices }, 'both'))
    const data = Uint8Array.from({ length: 0x8000 }, (_, i) => i % 253)
    await engine.write(mapping.segments, data)
    expect([mapping.segments.count, Buffer.compare(await engine.read(mapping.segments), data)]).toEqual([1, 0])
  })

  it('raises no interrupt for who was cancelled before', async () => {
    const { device, engine } = bench()
    await engine.interrupt()
    await expect(engine.interrupt({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' })
    await sleep(device.clock, 5)
    expect(device.interrupts.count(0)).toBe(1)
  })

  it.each([0, 1, 1.5, 2])('says cancelled, whenever its channel is aborted: after %s ms', async (ms) => {
    const { device, engine, map } = bench()
    const { mapping } = map(1)
    const ended = engine.read(mapping.segments).catch((error: unknown) => codeOf(error))
    // At the very moment in which the engine looks, but before it.
    device.clock.setTimer(ms, () => void engine.abort())
    expect(await ended).toBe('cancelled')
  })

  it('names a device that left the bus, and is closed without complaint', async () => {
    const { frames, device, engine, cyclic, map, leave } = leaving()
    const { mapping } = map(1)
    const stream = await cyclic.open({ direction: 'output', segments: mapping.segments, format: FORMAT })
    await stream.run()
    leave()
    const gone = expect.objectContaining({ code: 'device-gone' })
    expect(() => stream.position()).toThrow(gone)
    expect(() => engine.idle()).toThrow(gone)
    for (const act of [() => stream.run(), () => stream.pause(), () => stream.stop(), () => stream.played()]) {
      await expect(act()).rejects.toMatchObject({ code: 'device-gone' })
    }
    await expect(engine.read(mapping.segments)).rejects.toMatchObject({ code: 'device-gone' })
    await expect(engine.abort()).rejects.toMatchObject({ code: 'device-gone' })
    engine.close()
    cyclic.close()
    expect([frames.allocated, device.dma.entries]).toEqual([1, 1])
  })

  it('takes no interrupt for the end of a list that is still worked on', async () => {
    const { engine, map } = bench('loopback:sg?fault=list-busy-for-ever')
    const { mapping } = map(1)
    await expect(engine.read(mapping.segments, { completion: 'interrupt' })).rejects.toMatchObject({
      code: 'interrupt-unavailable',
    })
    expect(() => engine.close()).toThrow('2 steps of closing failed')
  })

  it('takes an idle device for one that has worked only where its ring has been worked through', async () => {
    const { engine, map } = bench('loopback:sg?fault=list-idle-always')
    const { mapping } = map(1)
    await expect(engine.read(mapping.segments)).rejects.toMatchObject({ code: 'device-error' })
  })

  it.each([
    ['loopback:sg', true],
    ['loopback:sg?fault=abort-lost', false],
  ])('gives up in the midst of a command, where the device does: %s', async (ref, givesUp) => {
    const { frames, device, engine, map } = bench(ref)
    const { indices, mapping } = map(4)
    frames.zero(indices)
    const ended = expect(engine.write(mapping.segments, new Uint8Array(0x4000).fill(9))).rejects.toMatchObject({
      code: 'cancelled',
    })
    await sleep(device.clock, 1.3)
    await engine.abort()
    await ended
    const end = frames.read((indices[3] ?? 0) * 4096 + 4095, 1)[0]
    expect([frames.read((indices[0] ?? 0) * 4096, 1)[0], end === 0]).toEqual([9, givesUp])
  })

  it('moves nothing any more once it is closed, whatever was under way', async () => {
    const { frames, device, engine, map } = bench()
    const { indices, mapping } = map(3)
    const write = engine.write(mapping.segments, new Uint8Array(3 * 4096).fill(9))
    const ended = expect(write).rejects.toMatchObject({ code: 'cancelled' })
    await sleep(device.clock, 1.3)
    engine.close()
    await ended
    frames.zero(indices)
    await sleep(device.clock, 50)
    expect(frames.read((indices[2] ?? 0) * 4096, 4096).every((byte) => byte === 0)).toBe(true)
  })
})
