import { describe, expect, it } from '@jest/globals'
import { ABORT, at, bench, RESET, RING, RUN } from './bench.ts'

const TO_MEMORY = 1
const NOTIFY = 2
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i % 255) + 1)

describe('a list of sg', () => {
  it('gathers into device memory and scatters out of it, descriptor by descriptor, and says so', () => {
    const { clock, memory, list, of, statusOf, device } = bench()
    memory.set(counting(1000), 0x100)
    list([
      { bus: 0x100, length: 700, device: 5 },
      { bus: 0x8001, length: 3, device: 5, flags: TO_MEMORY },
    ])
    expect([of(at.status), of(at.head)]).toEqual([1, 0])
    clock.pass(50)
    expect([of(at.status), of(at.head), of(at.interruptStatus)]).toEqual([0, 2, 0])
    expect(device(4, 4)).toEqual([0, 1, 2, 3])
    expect([...memory.subarray(0x8000, 0x8005)]).toEqual([0, 1, 2, 3, 0])
    expect([statusOf(0), statusOf(1)]).toEqual([
      [1, 700],
      [1, 3],
    ])
  })

  it('writes the status behind the data, and interrupts behind both', () => {
    const { clock, memory, list, set, of, statusOf, interrupts } = bench()
    set(at.interruptEnable, 1)
    memory.set(counting(600), 0)
    list([{ bus: 0, length: 600, flags: NOTIFY }])
    clock.pass(1.2)
    expect([of(at.status), statusOf(0), interrupts]).toEqual([1, [0, 0], []])
    clock.pass(0.1)
    expect([of(at.status), statusOf(0), interrupts]).toEqual([0, [1, 600], ['0:1']])
    expect(of(at.interruptStatus)).toBe(1)
  })

  it('goes on where its ring ends, at its start', () => {
    const { clock, set, of, put, list, statusOf } = bench()
    list([
      { bus: 0, length: 1 },
      { bus: 0, length: 1 },
    ])
    clock.pass(10)
    put([{ bus: 0, length: 9 }], RING + 64)
    put([{ bus: 0, length: 8 }])
    set(at.tail, 1)
    clock.pass(10)
    expect([of(at.head), statusOf(2), statusOf(0)]).toEqual([1, [1, 9], [1, 8]])
  })

  it('stops behind the descriptor that it works on when RUN is cleared, and goes on with it', () => {
    const { clock, set, of, list } = bench()
    list([
      { bus: 0, length: 1 },
      { bus: 0, length: 1 },
    ])
    set(at.control, 0)
    clock.pass(10)
    expect([of(at.head), of(at.status)]).toEqual([1, 0])
    set(at.control, RUN)
    clock.pass(10)
    expect(of(at.head)).toBe(2)
  })

  it('notices what is refused, tells where, and goes on', () => {
    const { clock, memory, refusing, set, list, of, statusOf, device, interrupts } = bench()
    set(at.interruptEnable, 2)
    refusing.push({ from: 0x1000, to: 0x2000 })
    memory.set(counting(16), 0x2000)
    list([
      { bus: 0x1010, length: 8, flags: TO_MEMORY },
      { bus: 0x1020, length: 8, device: 0 },
      { bus: 0x2000, length: 8, device: 8 },
    ])
    clock.pass(20)
    expect([statusOf(0), statusOf(1), statusOf(2)]).toEqual([
      [0x202, 8],
      [0x202, 8],
      [1, 8],
    ])
    expect([of(at.errorCode), of(at.errorAddress, 0, 8), of(at.status), of(at.head)]).toEqual([2, 0x1010, 0x10, 3])
    expect(interrupts).toEqual(['0:2'])
    expect(device(7, 3)).toEqual([0, 1, 2])
    set(at.errorCode, 0)
    expect([of(at.errorCode), of(at.errorAddress, 0, 8), of(at.status)]).toEqual([0, 0, 0])
  })

  it.each([
    ['no length', { bus: 0, length: 0 }, 4],
    ['more than a transfer', { bus: 0, length: 0x4001 }, 4],
    ['an unknown flag', { bus: 0, length: 1, flags: 4 }, 4],
    ['a place behind device memory', { bus: 0, length: 2, device: 0x3_ffff }, 5],
    ['an address that it cannot emit', { bus: 0xffff_ffffn, length: 2 }, 6],
    ['all that', { bus: 0xffff_ffffn, length: 2, flags: 8, device: 0x3_ffff }, 4],
    ['two of them', { bus: 0xffff_ffffn, length: 2, device: 0x3_ffff }, 5],
  ])('moves nothing for a descriptor with %s, and goes on', (_, wrong, code) => {
    const { clock, list, of, statusOf } = bench({ dmaMask: 0xffff_ffffn })
    list([wrong, { bus: 0, length: 4 }])
    clock.pass(10)
    expect([statusOf(0), statusOf(1)]).toEqual([
      [2 | (code << 8), 0],
      [1, 4],
    ])
    expect([of(at.errorCode), of(at.head), of(at.readBytes, 0, 8)]).toEqual([code, 2, 68])
  })

  it('counts its accesses by channel', () => {
    const { clock, list, of } = bench()
    list([{ bus: 0, length: 1000 }], 1)
    clock.pass(10)
    const counts = (channel: number) =>
      [at.reads, at.writes, at.readBytes, at.writtenBytes].map((one) => of(one, channel, 8))
    expect([counts(0), counts(1)]).toEqual([
      [0, 0, 0, 0],
      [3, 1, 1032, 8],
    ])
  })

  it('runs beside those of other channels', () => {
    const { clock, list, of } = bench()
    list([{ bus: 0, length: 0x4000 }], 0)
    list([{ bus: 0, length: 1 }], 3, RING + 0x1000)
    clock.pass(2)
    expect([of(at.status, 0), of(at.status, 3), of(at.head, 3)]).toEqual([1, 0, 1])
  })
})

describe('a channel of sg that is told to give up', () => {
  it('leaves the rest, and says how far it came', () => {
    const { clock, memory, set, list, of, statusOf, interrupts } = bench()
    set(at.interruptEnable, 4)
    list([
      { bus: 0x4000, length: 2048, flags: TO_MEMORY },
      { bus: 0, length: 1 },
    ])
    memory.fill(7, 0x4000, 0x5000)
    clock.pass(1.25)
    set(at.control, ABORT)
    expect([of(at.status), of(at.head), of(at.control), statusOf(0)]).toEqual([8, 0, 0, [3, 1024]])
    expect(interrupts).toEqual(['0:4'])
    const writes = of(at.writes, 0, 8)
    clock.pass(50)
    expect([memory[0x43ff], memory[0x4400], of(at.writes, 0, 8)]).toEqual([0, 7, writes])
    set(at.control, RUN)
    clock.pass(50)
    expect([of(at.status), of(at.head), statusOf(0)]).toEqual([0, 2, [1, 2048]])
  })

  it('has nothing to say when nothing is under way, nor of what it has not fetched', () => {
    const { clock, set, list, of, statusOf, interrupts } = bench()
    set(at.interruptEnable, 4)
    set(at.control, ABORT)
    expect([of(at.status), interrupts]).toEqual([0, []])
    list([{ bus: 0, length: 1 }])
    set(at.control, ABORT)
    clock.pass(10)
    expect([of(at.status), statusOf(0), of(at.reads, 0, 8)]).toEqual([8, [0, 0], 0])
  })

  it('writes nothing more when it is rewound', () => {
    const { clock, set, list, of, statusOf } = bench()
    list([{ bus: 0, length: 2048 }])
    clock.pass(1.2)
    set(at.control, RESET)
    clock.pass(10)
    expect([of(at.status), of(at.tail), statusOf(0), of(at.writes, 0, 8)]).toEqual([0, 0, [0, 0], 0])
  })
})

describe('a channel of sg halts', () => {
  it.each([
    ['at a ring that it cannot read', { base: 0x3000 }, 1, 0x3000],
    ['at a ring off its alignment', { base: 0x1_0010 }, 7, 0x1_0010],
    ['at a ring beyond its reach', { base: 0x1_0000_0000 }, 7, 0x1_0000_0000],
    ['at a ring that is too long', { size: 257 }, 7, RING],
    ['at a tail outside the ring', { tail: 4 }, 7, 0],
  ])(
    '%s, until it is rewound',
    (_, { base = RING, size = 4, tail = 1 }: { base?: number; size?: number; tail?: number }, code, address) => {
      const { clock, sg, refusing, set, of, interrupts } = bench({ dmaMask: 0xffff_ffffn })
      refusing.push({ from: 0x3000, to: 0x4000 })
      set(at.ringBase, base, 1, 8)
      set(at.ringSize, size, 1)
      set(at.control, RUN, 1)
      set(at.tail, tail, 1)
      clock.pass(10)
      expect([of(at.status, 1), of(at.errorCode, 1), of(at.errorAddress, 1, 8)]).toEqual([0x14, code, address])
      expect([Number(sg.read(0x3c, 4)), interrupts]).toEqual([2, ['4:0']])
      sg.write(0x3c, 4, 2n)
      set(at.tail, 2, 1)
      clock.pass(10)
      expect([Number(sg.read(0x3c, 4)), of(at.head, 1)]).toEqual([0, 0])
      set(at.control, RESET, 1)
      expect(of(at.status, 1)).toBe(0)
    },
  )

  it('when it cannot write a status', () => {
    const { clock, refusing, list, of } = bench()
    list([{ bus: 0, length: 1 }])
    clock.pass(1.05)
    refusing.push({ from: RING, to: RING + 32 })
    clock.pass(10)
    expect([of(at.status), of(at.errorCode), of(at.head)]).toEqual([0x14, 3, 0])
  })

  it.each([
    ['it moves data', 1.2],
    ['it fetches a descriptor', 0.5],
  ])('at once, also while %s', (_, ms) => {
    const { clock, memory, set, list, of, statusOf } = bench()
    list([{ bus: 0x5000, length: 0x2000, flags: 1 }])
    clock.pass(ms)
    memory.fill(0xee, 0x5000, 0x7000)
    set(at.tail, 2)
    expect(of(at.status)).toBe(0x14)
    const accesses = [of(at.reads, 0, 8), of(at.writes, 0, 8)]
    clock.pass(50)
    expect([of(at.reads, 0, 8), of(at.writes, 0, 8)]).toEqual(accesses)
    expect([statusOf(0), memory[0x5000 + 0x1fff]]).toEqual([[0, 0], 0xee])
  })
})

it('a cause of sg sends a message each time that it occurs, whoever took notice of the last', () => {
  const { set, of, interrupts } = bench()
  set(at.raise, 1)
  set(at.interruptEnable, 0x10)
  expect([of(at.interruptStatus), interrupts]).toEqual([0x10, []])
  set(at.raise, 1)
  set(at.raise, 1)
  expect([of(at.interruptStatus), interrupts]).toEqual([0x10, ['0:16', '0:16']])
})

describe('the ring of a channel of sg', () => {
  it('stays where it is while the channel works with it, and can be placed anew afterwards', () => {
    const { clock, set, list, of, statusOf } = bench()
    list([{ bus: 0, length: 1000 }])
    clock.pass(1.2)
    set(at.ringSize, 0)
    set(at.ringBase, 0x2_0000, 0, 8)
    clock.pass(10)
    expect([of(at.ringSize), of(at.ringBase, 0, 8), statusOf(0)]).toEqual([2, RING, [1, 1000]])
    set(at.ringSize, 0)
    set(at.ringBase, 0x2_0000, 0, 8)
    expect([of(at.ringSize), of(at.ringBase, 0, 8), of(at.head)]).toEqual([0, 0x2_0000, 1])
  })

  it('need not be there before it is used', () => {
    const { set, of, put, clock, statusOf } = bench()
    set(at.tail, 1)
    expect(of(at.status)).toBe(0)
    put([{ bus: 0, length: 4 }])
    set(at.ringBase, RING, 0, 8)
    set(at.ringSize, 2)
    set(at.control, RUN)
    clock.pass(5)
    expect([of(at.status), statusOf(0)]).toEqual([0, [1, 4]])
  })
})
