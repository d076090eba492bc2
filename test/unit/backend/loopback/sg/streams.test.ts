import { describe, expect, it } from '@jest/globals'
import { ABORT, at, bench, CYCLIC, INPUT, RESET, RING, RUN } from './bench.ts'

const NOTIFY = 2
const SEGMENTS = [
  { bus: 0x101, length: 300 },
  { bus: 0x4000, length: 700, flags: NOTIFY },
]
/** Bytes a second: one a microsecond. */
const RATE = 1_000_000

describe('a stream of sg', () => {
  it('stands still until it runs', () => {
    const { clock, memory, stream, of } = bench()
    stream(SEGMENTS, INPUT, RATE)
    clock.pass(10)
    expect([of(at.position), of(at.reads, 0, 8), memory[0x102]]).toEqual([0, 0, 0])
  })

  it('records byte i as i modulo 251, up to its position, and wraps by itself', () => {
    const { clock, memory, stream, set, of } = bench()
    memory.fill(0xee, 0, 0x8000)
    stream(SEGMENTS, INPUT, RATE)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(0.4)
    expect([of(at.position), of(at.total, 0, 8)]).toEqual([400, 400])
    expect([memory[0x100], memory[0x101], memory[0x101 + 299], memory[0x101 + 300]]).toEqual([0xee, 0, 299 - 251, 0xee])
    expect([memory[0x4000], memory[0x4063], memory[0x4064]]).toEqual([300 - 251, 399 - 251, 0xee])
    clock.pass(0.6)
    expect(of(at.position)).toBe(0)
    clock.pass(0.01)
    expect([of(at.position), memory[0x101]]).toEqual([10, 1000 % 251])
  })

  it('moves without anybody looking', () => {
    const { clock, memory, stream, set } = bench()
    stream(SEGMENTS, INPUT, RATE)
    memory.fill(0xee, 0, 0x8000)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(1)
    expect(memory[0x4000 + 690]).toBe(990 % 251)
  })

  it('plays into its tap, and keeps it over a rewind until it starts anew', () => {
    const { clock, memory, stream, set, of, device } = bench()
    memory.set([9, 8, 7, 6], 0x101)
    stream(SEGMENTS, 0, RATE, 1)
    set(at.control, RUN | CYCLIC, 1)
    clock.pass(0.004)
    set(at.control, RESET, 1)
    expect([of(at.position, 1), of(at.total, 1, 8), of(at.received, 1, 8)]).toEqual([0, 0, 4])
    expect(device(0x1_0000, 5)).toEqual([9, 8, 7, 6, 0])
    set(at.control, CYCLIC | RUN, 1)
    expect(of(at.received, 1, 8)).toBe(0)
  })

  it('uses its tap round and round', () => {
    const { clock, memory, stream, set, of, device } = bench()
    memory.fill(3, 0, 0x8000)
    stream([{ bus: 0, length: 0x8000 }], 0, RATE)
    set(at.control, RUN | CYCLIC)
    clock.pass(65.536)
    memory.fill(4, 0, 0x8000)
    clock.pass(0.002)
    expect([of(at.received, 0, 8), device(0, 3)]).toEqual([0x1_0002, [4, 4, 3]])
  })

  it('keeps its position when it stops, and accesses nothing then', () => {
    const { clock, stream, set, of } = bench()
    stream(SEGMENTS, INPUT, RATE)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(0.123)
    set(at.control, CYCLIC | INPUT)
    const written = of(at.writtenBytes, 0, 8)
    clock.pass(10)
    expect([of(at.position), of(at.status), written, of(at.writtenBytes, 0, 8)]).toEqual([123, 0, 123, 123])
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(0.001)
    expect(of(at.position)).toBe(124)
    set(at.control, ABORT)
    clock.pass(1)
    expect([of(at.position), of(at.control)]).toEqual([124, CYCLIC | INPUT])
  })

  it('is counted anew when it is rewound', () => {
    const { clock, memory, stream, set, of } = bench()
    stream(SEGMENTS, INPUT, RATE)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(0.5)
    set(at.control, RESET)
    clock.pass(5)
    expect([of(at.position), of(at.notifications)]).toEqual([0, 0])
    memory.fill(0xee, 0, 0x8000)
    set(at.control, CYCLIC | INPUT | RUN)
    clock.pass(0.002)
    expect([of(at.position), memory[0x101], memory[0x102], memory[0x103]]).toEqual([2, 0, 1, 0xee])
  })

  it('interrupts at the end of flagged descriptors, in the moment', () => {
    const { clock, stream, set, of, interrupts } = bench()
    stream(SEGMENTS, INPUT, RATE, 2)
    set(at.interruptEnable, 8, 2)
    set(at.control, RUN | CYCLIC | INPUT, 2)
    clock.pass(0.999)
    expect(interrupts).toEqual([])
    clock.pass(0.001)
    expect([interrupts, of(at.notifications, 2), of(at.interruptStatus, 2)]).toEqual([['2:8'], 1, 8])
    clock.pass(2)
    expect([interrupts.length, of(at.notifications, 2)]).toEqual([3, 3])
  })

  it('moves whole units only', () => {
    const { clock, stream, set, of } = bench()
    set(at.unit, 6)
    stream([{ bus: 0, length: 600 }], INPUT, RATE)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(0.011)
    expect(of(at.position)).toBe(6)
    clock.pass(0.001)
    expect(of(at.position)).toBe(12)
  })

  it('loses what is refused, goes on, and tells of the first', () => {
    const { clock, memory, refusing, stream, set, of } = bench()
    refusing.push({ from: 0x4000, to: 0x5000 })
    stream(SEGMENTS, INPUT, RATE)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(1.5)
    expect([of(at.position), of(at.status), of(at.errorCode), of(at.errorAddress, 0, 8)]).toEqual([
      500, 0x11, 2, 0x4000,
    ])
    expect([memory[0x4000], memory[0x101]]).toEqual([0, 1000 % 251])
  })

  it.each([
    ['no rate', { rate: 0 }, 7],
    ['a ring that cannot be read', { ring: 0x3000 }, 1],
    ['a segment of no bytes', { length: 0 }, 4],
    ['an address that it cannot emit', { bus: 0xffff_ffff }, 6],
  ])('halts for %s', (_, wrong: { rate?: number; ring?: number; length?: number; bus?: number }, code) => {
    const { clock, refusing, stream, set, of } = bench({ dmaMask: 0xffff_ffffn })
    refusing.push({ from: 0x3000, to: 0x4000 })
    stream([{ bus: wrong.bus ?? 0, length: wrong.length ?? 10 }], 0, wrong.rate ?? RATE)
    set(at.ringBase, wrong.ring ?? RING, 0, 8)
    set(at.control, RUN | CYCLIC)
    clock.pass(5)
    expect([of(at.status), of(at.errorCode), of(at.position)]).toEqual([0x14, code, 0])
  })

  it('ends with the device', () => {
    const { clock, sg, stream, set, memory } = bench()
    stream(SEGMENTS, INPUT, RATE)
    set(at.control, RUN | CYCLIC | INPUT)
    sg[Symbol.dispose]()
    memory.fill(0xee, 0, 0x8000)
    clock.pass(5)
    expect(memory[0x110]).toBe(0xee)
  })

  it('takes no notice of TAIL, and goes on when its ring was taken away during a pause only to halt', () => {
    const { clock, stream, set, of } = bench()
    stream(SEGMENTS, INPUT, RATE)
    set(at.tail, 200)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(1)
    set(at.tail, 255)
    const before = of(at.total, 0, 8)
    clock.pass(1)
    expect([of(at.status), of(at.total, 0, 8) > before]).toEqual([1, true])
    set(at.control, CYCLIC | INPUT)
    set(at.ringSize, 0)
    set(at.control, RUN | CYCLIC | INPUT)
    clock.pass(100)
    expect([of(at.status), of(at.errorCode), of(at.head)]).toEqual([0x14, 7, 0])
  })
})
