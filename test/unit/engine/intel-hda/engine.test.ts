import { describe, expect, it } from '@jest/globals'
import { sleep } from '../../../../src/base/clock.ts'
import type { CyclicBuffer } from '../../../../src/engine/cyclic.ts'
import { HdaEngine } from '../../../../src/engine/intel-hda/engine.ts'
import { openHdaBench, type HdaBench } from './bench.ts'
import { desktop, duplex, mute } from './codecs.ts'

const cd = { rate: 44_100, channels: 2, bits: 16 } as const
const output = ({ buffer }: HdaBench): CyclicBuffer => ({ direction: 'output', segments: buffer, format: cd })
const input = ({ buffer }: HdaBench): CyclicBuffer => ({ direction: 'input', segments: buffer, format: cd })

/** The first stream descriptor for output. */
const OUTPUT = 0x80 + 2 * 0x20

describe('an HD Audio engine', () => {
  it('touches no register before it is asked for anything', () => {
    using bench = openHdaBench(duplex)
    expect(bench.controller.stores).toEqual([])
    bench.engine.close()
    expect(bench.controller.stores).toEqual([])
  })

  it('finds what it can do in the controller and its codec', () => {
    using bench = openHdaBench(duplex)
    expect(bench.engine.abilities).toEqual({
      directions: ['output', 'input'],
      addressBits: 64,
      alignment: 128,
      smallest: 256,
      listLength: 256,
      notifications: true,
      // FIFOS of the fake, and the widest frame of the link
      accuracy: 192 + 256,
      records: 'unknown',
      tap: false,
    })
  })

  it.each([
    ['without a way through the codec', mute, {}],
    ['without a descriptor', duplex, { capabilities: 0x0001 }],
  ])('has no direction %s', (_, codec, habits) => {
    using bench = openHdaBench(codec, habits)
    expect(bench.engine.abilities.directions).toEqual([])
  })

  it('sets up a descriptor and the codec for a stream, and nothing runs', async () => {
    using bench = openHdaBench(duplex)
    const { engine, controller } = bench
    const stream = await engine.open(output(bench))
    const { registers } = controller
    const field = (offset: number): number => registers.getUint16(OUTPUT + offset, true)
    expect(registers.getUint8(OUTPUT)).toBe(0)
    expect(registers.getUint8(OUTPUT + 2)).toBe(0x10)
    expect(registers.getUint32(OUTPUT + 8, true)).toBe(16_384)
    expect(field(0x0c) + 1).toBe(Math.max(2, bench.buffer.count))
    expect(field(0x12)).toBe(0x4011)
    expect(controller.commands.slice(-2)).toEqual(['00224011', '00270610'])
    expect(stream).toMatchObject({ size: 16_384, latency: { fifoSize: 192, chipsetDelay: 0, codecDelay: 0 } })
    expect(stream.positionRegister).toEqual({ region: 0, offset: OUTPUT + 4, width: 32, accuracy: 196 })
    expect(stream.clockRegister).toMatchObject({ region: 0, offset: 0x30, numerator: 24_000_000n, denominator: 1n })
  })

  it('offers no clock that stands still', async () => {
    using bench = openHdaBench(duplex, { clockStands: true })
    expect((await bench.engine.open(output(bench))).clockRegister).toBeUndefined()
  })

  it('runs, pauses and stops by the bits of the specification', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open(output(bench))
    const { registers } = bench.controller
    await stream.run()
    expect(registers.getUint8(OUTPUT)).toBe(0x02)
    registers.setUint32(OUTPUT + 4, 5000, true)
    expect(stream.position()).toBe(5000)
    await stream.pause()
    expect([registers.getUint8(OUTPUT), stream.position()]).toEqual([0, 5000])
    await stream.stop()
    expect(stream.position()).toBe(0)
    expect(registers.getUint32(OUTPUT + 8, true)).toBe(16_384)
  })

  it('stands at 0 after a stop where the register keeps what it had, and shows what moves from there', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open(output(bench))
    const { registers } = bench.controller
    const keep = registers.setUint8.bind(registers)
    // The register survives the reset of the stream, as that of QEMU 7.2 does.
    registers.setUint8 = (at, value) => (at >= OUTPUT + 4 && at < OUTPUT + 8 ? undefined : keep(at, value))
    registers.setUint32(OUTPUT + 4, 5000, true)
    await stream.stop()
    expect(stream.position()).toBe(0)
    registers.setUint32(OUTPUT + 4, 5040, true)
    expect(stream.position()).toBe(40)
    await stream.run()
    registers.setUint32(OUTPUT + 4, 8, true)
    expect(stream.position()).toBe(8)
  })

  it('announces, acknowledges and counts completions', async () => {
    using bench = openHdaBench(duplex)
    bench.device.config.write16(4, 6)
    const stream = await bench.engine.open({ ...output(bench), notifyAt: [8192, 16_384] })
    const { registers } = bench.controller
    await stream.run()
    expect(registers.getUint32(0x20, true)).toBe(0x8000_0004)
    expect(registers.getUint8(OUTPUT)).toBe(0x16)
    const waiting = stream.notified(0)
    registers.setUint8(OUTPUT + 3, 0x04)
    registers.setUint32(0x24, 0x4, true)
    bench.device.interrupts.trigger(0)
    expect(await waiting).toBe(1)
    expect([registers.getUint8(OUTPUT + 3), stream.notifications()]).toEqual([0, 1])
    await stream.pause()
    expect(registers.getUint32(0x20, true)).toBe(0)
  })

  it('counts what comes after the pause when it is asked', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open({ ...output(bench), notifyAt: [16_384] })
    bench.controller.registers.setUint8(OUTPUT + 3, 0x04)
    expect(stream.notifications()).toBe(1)
    expect(stream.notifications()).toBe(1)
  })

  it('passes on that the controller could not read its list', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open({ ...output(bench), notifyAt: [16_384] })
    const waiting = stream.notified(0)
    bench.controller.registers.setUint8(OUTPUT + 3, 0x10)
    stream.notifications()
    await expect(waiting).rejects.toHaveProperty('code', 'bus-error')
  })

  it('gives streams of different directions, numbers and ways; a way that is taken is taken', async () => {
    using bench = openHdaBench(desktop)
    const { engine, controller } = bench
    await engine.open(input(bench))
    const first = await engine.open(output(bench))
    expect(controller.registers.getUint8(0x80 + 2)).toBe(0x10)
    // The second plays through what is left: the pin without a plug shares the converter, so it is the digital one.
    await engine.open(output(bench))
    expect(controller.registers.getUint8(OUTPUT + 0x20 + 2)).toBe(0x20)
    expect(controller.commands.at(-1)).toBe('00470620')
    await expect(engine.open(output(bench))).rejects.toHaveProperty('code', 'capability-missing')
    first.close()
    expect(controller.commands.at(-1)).toBe('00370600')
    await engine.open(output(bench))
    expect(controller.commands.at(-1)).toBe('00370610')
  })

  it('turns a descriptor that serves either direction', async () => {
    // no inputs, no outputs, two of either kind
    using bench = openHdaBench(duplex, { capabilities: 0x0011 })
    await bench.engine.open(output(bench))
    await bench.engine.open(input(bench))
    const { registers } = bench.controller
    expect([registers.getUint8(0x82), registers.getUint8(0xa2)]).toEqual([0x18, 0x10])
  })

  it('needs no reset bit that can be seen', async () => {
    using bench = openHdaBench(duplex, { resetsItself: true })
    const stream = await bench.engine.open(output(bench))
    await stream.stop()
    expect(stream.position()).toBe(0)
  })

  it('sends single commands where the rings do not answer', async () => {
    using bench = openHdaBench(duplex, { deadRings: true })
    await bench.engine.open(output(bench))
    expect(bench.controller.commands.at(-1)).toBe('00270610')
    expect(bench.controller.registers.getUint8(0x4c)).toBe(0)
  })

  it('takes no answer that came too late for that to a later command', async () => {
    let late = 0
    using bench = openHdaBench(duplex, { lateBy: (command) => (command === late ? 150 : 0) })
    const { controller, engine, device, frames } = bench
    expect(engine.abilities.directions).toHaveLength(2)
    late = controller.commands.length + 1
    const held = [frames.allocated, device.dma.entries]
    await expect(engine.open(output(bench))).rejects.toHaveProperty('code', 'timeout')
    expect([frames.allocated, device.dma.entries]).toEqual(held)
    // The converter is on no stream, else it would take part in the next one of this number.
    expect(controller.commands.at(-1)).toBe('00270600')
    await sleep(device.clock, 100)
    const stream = await engine.open(output(bench))
    expect(controller.commands.at(-1)).toBe('00270610')
    stream.close()
    expect(controller.commands.at(-1)).toBe('00270600')
  })

  it('leaves the controller in reset and gives everything back when it is closed', async () => {
    using bench = openHdaBench(duplex)
    const { engine, controller, device, frames } = bench
    const stream = await engine.open({ ...output(bench), notifyAt: [16_384] })
    await stream.run()
    const waiting = stream.notified(0)
    const pages = frames.allocated
    engine.close()
    await expect(waiting).rejects.toHaveProperty('code', 'closed')
    expect(controller.registers.getUint8(0x08)).toBe(0)
    expect(pages - frames.allocated).toBe(2)
    expect(() => device.interrupts.count(0)).toThrow(expect.objectContaining({ code: 'interrupt-unavailable' }))
    expect(() => stream.position()).toThrow(expect.objectContaining({ code: 'closed' }))
    await expect(engine.open(output(bench))).rejects.toHaveProperty('code', 'closed')
  })
})

describe('an HD Audio engine refuses', () => {
  it.each([
    ['a rate of no clock', { rate: 50_000 }],
    ['a rate that the converter does not have', { rate: 192_000 }],
    ['samples that the converter does not take', { bits: 24 }],
    ['frames that do not fill the buffer', { channels: 3 }],
  ] as const)('%s', async (_, change) => {
    using bench = openHdaBench(duplex)
    const opening = bench.engine.open({ ...output(bench), format: { ...cd, ...change } })
    await expect(opening).rejects.toHaveProperty('code', 'range-outside')
  })

  it('addresses that the controller cannot emit, whatever the profile says', async () => {
    using bench = openHdaBench(duplex, { capabilities: 0x2200 })
    await expect(bench.engine.open(output(bench))).rejects.toHaveProperty('code', 'profile-mismatch')
  })

  it('a direction that the codec has no way for', async () => {
    using bench = openHdaBench(mute)
    await expect(bench.engine.open(output(bench))).rejects.toMatchObject({
      code: 'capability-missing',
      message: 'no codec has a way from a converter to a pin: the device has no output',
    })
  })

  it('what was cancelled before', async () => {
    using bench = openHdaBench(duplex)
    const signal = AbortSignal.abort()
    await expect(bench.engine.open(output(bench), { signal })).rejects.toHaveProperty('code', 'cancelled')
    const stream = await bench.engine.open(output(bench))
    await expect(stream.run({ signal })).rejects.toHaveProperty('code', 'cancelled')
  })

  it('to tell what was played, or to announce what nobody asked for', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open(output(bench))
    await expect(stream.played()).rejects.toHaveProperty('code', 'capability-missing')
    await expect(stream.notified(0)).rejects.toHaveProperty('code', 'capability-missing')
  })
})

describe('a controller that fails', () => {
  it.each([
    ['has no codec', undefined, {}, 'capability-missing'],
    ['never leaves its reset', duplex, { stuckInReset: true }, 'timeout'],
    ['answers commands neither way', duplex, { deadRings: true, noImmediateCommands: true }, 'timeout'],
  ] as const)('because it %s gives an error', async (_, codec, habits, code) => {
    using bench = openHdaBench(codec, habits)
    await expect(bench.engine.open(output(bench))).rejects.toHaveProperty('code', code)
  })

  it('by running on ends a pause with a timeout', async () => {
    using bench = openHdaBench(duplex, { runsOn: true })
    const stream = await bench.engine.open(output(bench))
    await stream.run()
    await expect(stream.pause()).rejects.toHaveProperty('code', 'timeout')
    const pages = bench.frames.allocated
    expect(() => stream.close()).toThrow(expect.objectContaining({ code: 'timeout' }))
    // It may still read its list.
    expect(bench.frames.allocated).toBe(pages)
    expect(() => bench.engine.close()).toThrow(expect.objectContaining({ code: 'timeout' }))
    expect(pages - bench.frames.allocated).toBe(2)
    expect(bench.controller.registers.getUint8(0x08)).toBe(0)
  })

  it('by leaving the bus is named as gone, and closed without complaint', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open({ ...output(bench), notifyAt: [16_384] })
    await stream.run()
    bench.controller.gone = true
    expect(() => stream.position()).toThrow(expect.objectContaining({ code: 'device-gone' }))
    await expect(stream.pause()).rejects.toHaveProperty('code', 'device-gone')
    const { entries } = bench.device.dma
    bench.engine.close()
    expect(entries - bench.device.dma.entries).toBe(2)
  })

  it('by leaving the bus ends the wait for what it would have announced', async () => {
    using bench = openHdaBench(duplex)
    bench.device.config.write16(4, 6)
    const stream = await bench.engine.open({ ...output(bench), notifyAt: [16_384] })
    await stream.run()
    const waiting = stream.notified(0)
    bench.loseInterrupts()
    await expect(waiting).rejects.toHaveProperty('code', 'device-gone')
  })

  it('by leaving the bus lets a stream be closed, and gives back what it had', async () => {
    using bench = openHdaBench(duplex)
    const stream = await bench.engine.open({ ...output(bench), notifyAt: [16_384] })
    await stream.run()
    bench.controller.gone = true
    const { entries } = bench.device.dma
    stream.close()
    expect(entries - bench.device.dma.entries).toBe(1)
  })

  it('before it was started is named as gone', async () => {
    using bench = openHdaBench(duplex)
    bench.controller.gone = true
    await expect(bench.engine.open(output(bench))).rejects.toHaveProperty('code', 'device-gone')
  })

  it('without BAR 0 cannot be opened, and leaves no page behind', () => {
    using bench = openHdaBench(duplex)
    const device = new Proxy(bench.device, {
      get: (target, key) => (key === 'regions' ? [] : Reflect.get(target, key, target)),
    })
    const { frames } = bench
    const before = frames.allocated
    const open = (): HdaEngine => new HdaEngine({ device, frames, addressBits: 64, records: 'unknown' })
    expect(open).toThrow(expect.objectContaining({ code: 'region-absent' }))
    expect(frames.allocated).toBe(before)
  })
})
