import type { Width } from '../../../../src/device/register-access.ts'
import { describe, expect, it } from '@jest/globals'
import { sleep } from '../../../../src/base/clock.ts'
import { VirtualClock } from '../../../../src/base/virtual-clock.ts'
import { Edu } from '../../../../src/backend/loopback/model/edu.ts'

const RAM = 0x1000n
const BUFFER = 0x4_0000n

/** An edu on a bus that notes what the device does; memory reads as consecutive numbers. */
function bench(dmaMask = 0x0fff_ffffn) {
  const clock = new VirtualClock()
  const log: string[] = []
  const edu = new Edu({
    clock,
    dmaMask,
    bus: {
      read: (address, length) => {
        log.push(`read ${address.toString(16)}+${length}`)
        return Uint8Array.from({ length }, (_, index) => index)
      },
      write: (address, bytes) => log.push(`write ${address.toString(16)}+${bytes.length}`),
    },
    line: { raise: (cause) => log.push(`raise ${cause.toString(16)}`), lower: () => log.push('lower') },
    die: () => log.push('die'),
  })
  const transfer = (source: bigint, destination: bigint, count: bigint, command: bigint) => {
    edu.write(0x80, 8, source)
    edu.write(0x88, 8, destination)
    edu.write(0x90, 8, count)
    edu.write(0x98, 8, command)
  }
  return { clock, log, edu, transfer }
}

/** Measured on QEMU 7.2, on a device nobody had written to. */
const readings: readonly (readonly [number, Width, bigint])[] = [
  [0x00, 4, 0x0100_00edn],
  [0x00, 1, 0n],
  [0x00, 2, 0n],
  [0x00, 8, 0xffff_ffff_ffff_ffffn],
  [0x04, 4, 0n],
  [0x08, 4, 0n],
  [0x0c, 4, 0xffff_ffffn],
  [0x20, 4, 0n],
  [0x20, 8, 0xffff_ffff_ffff_ffffn],
  [0x24, 4, 0n],
  [0x60, 4, 0xffff_ffffn],
  [0x64, 4, 0xffff_ffffn],
  [0x7c, 4, 0xffff_ffffn],
  [0x80, 4, 0n],
  [0x80, 8, 0n],
  [0x80, 1, 0n],
  [0x84, 4, 0xffff_ffffn],
  [0x88, 8, 0n],
  [0x90, 8, 0n],
  [0x98, 8, 0n],
  [0x9c, 4, 0xffff_ffffn],
  [0xa0, 8, 0xffff_ffff_ffff_ffffn],
  [0x4_0000, 4, 0xffff_ffffn],
  [0x4_0000, 2, 0n],
  [0xf_fffc, 4, 0xffff_ffffn],
]

describe('edu registers', () => {
  it.each(readings)('offset %x reads with %d bytes as %s', (offset, width, value) => {
    expect(bench().edu.read(offset, width)).toBe(value)
  })

  it('invert in the liveness register what 4 bytes bring, and ignore every other width', () => {
    const { edu } = bench()
    edu.write(0x04, 4, 0x1234_5678n)
    edu.write(0x04, 1, 0xffn)
    edu.write(0x04, 2, 0xffffn)
    edu.write(0x00, 8, 0x1122_3344_5566_7788n)
    expect([edu.read(0x04, 4), edu.read(0x00, 4)]).toEqual([0xedcb_a987n, 0x0100_00edn])
  })

  it('take nothing from writes of a width that is not allowed', async () => {
    const { edu, clock, log } = bench()
    for (const width of [1, 2, 8] as const) {
      for (const offset of [0x08, 0x20, 0x60]) edu.write(offset, width, 0x85n)
    }
    await sleep(clock, 10)
    expect([0x08, 0x20, 0x24].map((offset) => edu.read(offset, 4))).toEqual([0n, 0n, 0n])
    expect(log).toEqual([])
  })

  it('keep of the status what asks for an interrupt', () => {
    const { edu } = bench()
    edu.write(0x20, 4, 0xffff_ffffn)
    expect(edu.read(0x20, 4)).toBe(0x80n)
    edu.write(0x20, 4, 0n)
    expect(edu.read(0x20, 4)).toBe(0n)
  })

  it.each([
    [0n, 1n],
    [1n, 1n],
    [5n, 120n],
    [13n, 0x7328_cc00n],
    [33n, 0x8000_0000n],
    [34n, 0n],
    [0xffff_ffffn, 0n],
  ])('make of %s the factorial %s modulo 2^32', async (value, factorial) => {
    const { edu, clock } = bench()
    edu.write(0x08, 4, value)
    expect(edu.read(0x20, 4)).toBe(1n)
    await sleep(clock, 10)
    expect([edu.read(0x08, 4), edu.read(0x20, 4)]).toEqual([factorial, 0n])
  })

  it('raise an interrupt after a factorial when the status asks for it', async () => {
    const { edu, clock, log } = bench()
    edu.write(0x08, 4, 3n)
    await sleep(clock, 10)
    expect(log).toEqual([])
    edu.write(0x20, 4, 0x80n)
    edu.write(0x08, 4, 4n)
    await sleep(clock, 10)
    expect([log, edu.read(0x24, 4), edu.read(0x20, 4)]).toEqual([['raise 1'], 1n, 0x80n])
  })

  it('raise with each write and lower when all is acknowledged', () => {
    const { edu, log } = bench()
    edu.write(0x60, 4, 0x5n)
    edu.write(0x60, 4, 0x8n)
    expect(edu.read(0x24, 4)).toBe(0xdn)
    edu.write(0x64, 4, 0x4n)
    expect(edu.read(0x24, 4)).toBe(0x9n)
    edu.write(0x64, 4, 0xffff_ffffn)
    expect([edu.read(0x24, 4), log]).toEqual([0n, ['raise 5', 'raise 8', 'lower']])
  })
})

describe('edu transfers', () => {
  it('take 100 ms, during which every write to the DMA registers is ignored', async () => {
    const { edu, clock, log, transfer } = bench()
    transfer(RAM, BUFFER, 16n, 1n)
    transfer(0x7777n, 1n, 7n, 7n)
    expect([0x80, 0x88, 0x90, 0x98].map((offset) => edu.read(offset, 8))).toEqual([RAM, BUFFER, 16n, 1n])
    await sleep(clock, 99.9)
    expect([log, edu.read(0x98, 8)]).toEqual([[], 1n])
    await sleep(clock, 0.2)
    expect([log, edu.read(0x98, 8)]).toEqual([['read 1000+16'], 0n])
  })

  it('clear the start bit alone, and raise 0x100 when the command asks for it', async () => {
    const { edu, clock, log, transfer } = bench()
    transfer(BUFFER + 0x10n, RAM + 4n, 16n, 0xffff_ffff_ffff_ffffn)
    await sleep(clock, 101)
    expect(log).toEqual(['write 1004+16', 'raise 100'])
    expect([edu.read(0x98, 8), edu.read(0x24, 4)]).toEqual([0xffff_ffff_ffff_fffen, 0x100n])
  })

  it('do not begin without the start bit', async () => {
    const { edu, clock, log, transfer } = bench()
    transfer(RAM, BUFFER, 16n, 2n)
    await sleep(clock, 101)
    expect([edu.read(0x98, 8), log]).toEqual([0n, []])
  })

  it('cut the address to the mask and keep the register as it was written', async () => {
    const { edu, clock, log, transfer } = bench()
    transfer(BUFFER, 0xabc0_0000_1010_2000n, 8n, 3n)
    await sleep(clock, 101)
    expect([log, edu.read(0x88, 8)]).toEqual([['write 102000+8'], 0xabc0_0000_1010_2000n])
  })

  it('reach all of 64 bits with a mask of ones', async () => {
    const { clock, log, transfer } = bench(2n ** 64n - 1n)
    transfer(BUFFER, 0xabc0_0000_1010_2000n, 8n, 3n)
    await sleep(clock, 101)
    expect(log).toEqual(['write abc0000010102000+8'])
  })

  it.each([
    ['4095 bytes', BUFFER, 4095n],
    ['one byte before the last', BUFFER + 4094n, 1n],
  ])('stay inside the buffer: %s', async (_, place, count) => {
    const { clock, log, transfer } = bench()
    transfer(RAM, place, count, 1n)
    await sleep(clock, 101)
    expect(log).toEqual([`read 1000+${count}`])
  })

  it.each([
    ['the whole buffer', BUFFER, 4096n],
    ['its last byte', BUFFER + 4095n, 1n],
    ['no byte', BUFFER, 0n],
    ['a byte before it', BUFFER - 1n, 1n],
    ['a byte behind it', BUFFER + 4096n, 1n],
    ['2^64 - 1 bytes', BUFFER + 1n, 2n ** 64n - 1n],
  ])('end the device when they ask for %s', async (_, place, count) => {
    const { clock, log, transfer } = bench()
    transfer(RAM, place, count, 1n)
    await sleep(clock, 101)
    transfer(place, RAM, count, 3n)
    await sleep(clock, 101)
    expect(log).toEqual(['die', 'die'])
  })
})
