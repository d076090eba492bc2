import { afterEach } from '@jest/globals'
import { VirtualClock } from '../../../../../src/base/virtual-clock.ts'
import { Sg } from '../../../../../src/backend/loopback/model/sg/sg.ts'
import type { Width } from '../../../../../src/device/register-access.ts'

/** As docs/devices/sg.md has them. */
export const at = {
  control: 0x00,
  status: 0x04,
  interruptStatus: 0x08,
  interruptEnable: 0x0c,
  ringBase: 0x10,
  ringSize: 0x18,
  tail: 0x1c,
  head: 0x20,
  raise: 0x24,
  errorAddress: 0x28,
  errorCode: 0x30,
  rate: 0x34,
  unit: 0x38,
  position: 0x3c,
  total: 0x40,
  received: 0x48,
  notifications: 0x58,
  reads: 0x60,
  writes: 0x68,
  readBytes: 0x70,
  writtenBytes: 0x78,
} as const

export const RUN = 1
export const CYCLIC = 2
export const INPUT = 4
export const ABORT = 0x10
export const RESET = 0x20

export interface Entry {
  readonly bus: number | bigint
  readonly length: number
  readonly flags?: number
  readonly device?: number
}

export const RING = 0x1_0000
const MEMORY = 0x4_0000

/** A stream that runs keeps its clock going for ever. */
const running: Disposable[] = []
afterEach(() => {
  for (const sg of running.splice(0)) sg[Symbol.dispose]()
})

/** An sg with memory at bus addresses from 0 on, some of which refuse. */
export function bench({ dmaMask = 2n ** 64n - 1n }: { dmaMask?: bigint } = {}) {
  const clock = new VirtualClock()
  const memory = new Uint8Array(MEMORY)
  const refusing: { from: number; to: number }[] = []
  const interrupts: string[] = []
  const refuse = (address: bigint, length: number): bigint | undefined => {
    if (address + BigInt(length) > BigInt(MEMORY)) return address
    const hit = refusing.find(({ from, to }) => address < to && from < address + BigInt(length))
    return hit === undefined ? undefined : address > BigInt(hit.from) ? address : BigInt(hit.from)
  }
  const sg = new Sg({
    clock,
    dmaMask,
    bus: {
      read(address, length, refused) {
        const where = refuse(address, length)
        if (where === undefined) return memory.slice(Number(address), Number(address) + length)
        refused?.(where)
        return new Uint8Array(length)
      },
      write(address, bytes, refused) {
        const where = refuse(address, bytes.length)
        if (where === undefined) memory.set(bytes, Number(address))
        else refused?.(where)
      },
    },
    line: { raise: (cause, vector = 0) => interrupts.push(`${vector}:${cause}`), lower: () => undefined },
    die: () => undefined,
  })
  running.push(sg)
  const of = (register: number, channel = 0, width: Width = 4): number =>
    Number(sg.read(0x1000 * (1 + channel) + register, width))
  const set = (register: number, value: number | bigint, channel = 0, width: Width = 4): void =>
    sg.write(0x1000 * (1 + channel) + register, width, BigInt(value))
  const put = (entries: readonly Entry[], base = RING): void => {
    const view = new DataView(memory.buffer)
    for (const [index, { bus, length, flags = 0, device = 0 }] of entries.entries()) {
      const place = base + 32 * index
      view.setBigUint64(place, BigInt(bus), true)
      view.setUint32(place + 8, length, true)
      view.setUint32(place + 12, flags, true)
      view.setBigUint64(place + 16, BigInt(device), true)
      view.setBigUint64(place + 24, 0n, true)
    }
  }
  const statusOf = (index: number, base = RING): readonly [number, number] => {
    const view = new DataView(memory.buffer)
    return [view.getUint32(base + 32 * index + 24, true), view.getUint32(base + 32 * index + 28, true)]
  }
  /** Sets the ring up and lets the channel run. */
  const list = (entries: readonly Entry[], channel = 0, base = RING): void => {
    put(entries, base)
    set(at.ringBase, base, channel, 8)
    set(at.ringSize, entries.length + 1, channel)
    set(at.control, RUN, channel)
    set(at.tail, entries.length, channel)
  }
  const stream = (entries: readonly Entry[], control: number, rate: number, channel = 0): void => {
    put(entries)
    set(at.ringBase, RING, channel, 8)
    set(at.ringSize, entries.length, channel)
    set(at.rate, rate, channel)
    set(at.control, CYCLIC | control, channel)
  }
  const device = (offset: number, length: number): readonly number[] =>
    Array.from({ length }, (_, i) => Number(sg.registers.get(2)?.read(offset + i, 1)))
  return { clock, sg, memory, refusing, interrupts, of, set, put, statusOf, list, stream, device }
}
