import { describe, expect, it } from '@jest/globals'
import type { Width } from '../../../../../src/device/register-access.ts'
import { ABORT, at, bench, CYCLIC, INPUT, RESET, RUN } from './bench.ts'

const resetValues: readonly (readonly [number, Width, bigint])[] = [
  [0x000, 4, 0x5347_0100n],
  [0x000, 2, 0x0100n],
  [0x003, 1, 0x53n],
  [0x000, 8, 0x5347_0100n],
  [0x004, 4, 0n],
  [0x008, 8, 0n],
  [0x010, 4, 4n],
  [0x014, 4, 64n],
  [0x018, 4, 256n],
  [0x01c, 4, 0x4000n],
  [0x018, 8, 0x4000_0000_0100n],
  [0x020, 4, 0x4_0000n],
  [0x024, 4, 1n],
  [0x028, 4, 24_000_000n],
  [0x030, 8, 0n],
  [0x038, 4, 0n],
  [0x03c, 4, 0n],
  [0x040, 4, 0n],
  [0x1038, 4, 1n],
  [0x3050, 4, 0x2_0000n],
  [0x3054, 4, 0x1_0000n],
  [0x5000, 8, 0n],
  [0x8000, 4, 0n],
  [0xfff8, 8, 0n],
]

describe('the registers of sg', () => {
  it.each(resetValues)('at %s read, %s bytes wide, as %s when nobody wrote anything', (offset, width, value) => {
    expect(bench().sg.read(offset, width)).toBe(value)
  })

  it('say how many address bits it has', () => {
    expect(bench({ dmaMask: 0xffff_ffffn }).sg.read(0x14, 4)).toBe(32n)
  })

  it('invert what is written, and keep it', () => {
    const { sg } = bench()
    sg.write(0x04, 4, 0x1234_5678n)
    expect(sg.read(0x04, 4)).toBe(0xedcb_a987n)
    sg.write(0x08, 8, 0x8123_4567_89ab_cdefn)
    sg.write(0x0c, 4, 0x1n)
    expect([sg.read(0x08, 8), sg.read(0x08, 4), sg.read(0x0a, 2)]).toEqual([0x1_89ab_cdefn, 0x89ab_cdefn, 0x89abn])
  })

  it('take nothing that is narrower than 4 bytes, and 8 bytes over two of them', () => {
    const { sg, of } = bench()
    sg.write(0x08, 2, 0xffffn)
    sg.write(0x1018, 1, 0xffn)
    expect([sg.read(0x08, 8), of(at.ringSize)]).toEqual([0n, 0])
    sg.write(0x1030, 8, 0x0000_1234_0000_0000n)
    expect(of(at.rate)).toBe(0x1234)
  })

  it('count time by the clock, from the last reset of the function on', () => {
    const { sg, clock } = bench()
    clock.pass(2)
    expect(sg.read(0x30, 8)).toBe(48_000n)
    sg.reset()
    clock.pass(1)
    expect(sg.read(0x30, 8)).toBe(24_000n)
  })

  it('send the general vector, and that of a channel where it is enabled', () => {
    const { sg, set, of, interrupts } = bench()
    sg.write(0x38, 4, 0n)
    set(at.raise, 0, 2)
    set(at.interruptEnable, 0x10, 2)
    set(at.raise, 0, 2)
    expect(interrupts).toEqual(['4:0', '2:16'])
    expect(of(at.interruptStatus, 2)).toBe(0x10)
    set(at.interruptStatus, 0x1f, 2)
    expect(of(at.interruptStatus, 2)).toBe(0)
  })

  it('keep mode and pace of a channel that runs', () => {
    const { set, of } = bench()
    set(at.rate, 100)
    set(at.control, RUN | CYCLIC | INPUT)
    set(at.control, RUN)
    set(at.rate, 7)
    set(at.unit, 7)
    expect([of(at.control), of(at.rate), of(at.unit)]).toEqual([RUN | CYCLIC | INPUT, 100, 1])
    set(at.control, ABORT)
    expect(of(at.control)).toBe(CYCLIC | INPUT)
    set(at.control, RESET | RUN)
    expect([of(at.control), of(at.rate)]).toEqual([0, 100])
  })

  it('are as at first after a reset of the function, and its memory is empty', () => {
    const one = bench()
    one.sg.write(0x04, 4, 5n)
    one.sg.write(0x08, 8, 5n)
    one.set(at.interruptEnable, 0x1f)
    one.list([{ bus: 0x200, length: 64, device: 16, flags: 2 }])
    one.clock.pass(5)
    one.set(at.ringBase, 3, 1, 8)
    one.set(at.control, RUN | CYCLIC, 1)
    one.sg.registers.get(2)?.write(100, 4, 7n)
    one.sg.reset()
    const fresh = bench().sg
    for (let offset = 0; offset < 0x6000; offset += 4)
      expect([offset, one.sg.read(offset, 4)]).toEqual([offset, fresh.read(offset, 4)])
    expect(one.device(0, 128).every((byte) => byte === 0)).toBe(true)
  })
})

it('the memory of sg takes accesses of every width', () => {
  const memory = bench().sg.registers.get(2)
  memory?.write(0x3_fff8, 8, 0x8877_6655_4433_2211n)
  expect(([1, 2, 4, 8] as const).map((width) => memory?.read(0x3_fff8, width))).toEqual([
    0x11n,
    0x2211n,
    0x4433_2211n,
    0x8877_6655_4433_2211n,
  ])
  memory?.write(0x3_fff9, 1, 0xffn)
  memory?.write(0x3_fffa, 2, 0xeeeen)
  memory?.write(0x3_fffc, 4, 0n)
  expect(memory?.read(0x3_fff8, 8)).toBe(0xeeee_ff11n)
})
