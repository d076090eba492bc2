import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { configBars, expansionRom } from '../../../src/pci/bars.ts'
import { bridgeWindows } from '../../../src/pci/bridge.ts'
import { ConfigBytes } from './config-bytes.ts'

const MEMORY = 0x2

describe('configBars', () => {
  it('joins the two registers of a 64-bit BAR, and takes the upper one for no BAR of its own', () => {
    const { bytes } = new ConfigBytes().put16(4, MEMORY).put32(0x18, 0x8000_000c).put32(0x1c, 0x42)
    expect(configBars(bytes)).toEqual([
      {
        index: 2,
        kind: 'memory',
        addressBits: 64,
        prefetchable: true,
        address: 0x42_8000_0000n,
        size: undefined,
        enabled: true,
      },
    ])
  })

  it('drops the low bits of memory and of I/O addresses', () => {
    const { bytes } = new ConfigBytes().put32(0x10, 0xfea0_0008).put32(0x14, 0xc001)
    expect(configBars(bytes).map(({ address }) => address)).toEqual([0xfea0_0000n, 0xc000n])
  })

  it('tells by the command register whether the function answers there', () => {
    const enabled = (command: number): readonly boolean[] =>
      configBars(new ConfigBytes().put16(4, command).put32(0x10, 0x1000).put32(0x14, 0xc001).bytes).map(
        (bar) => bar.enabled,
      )
    expect([enabled(0), enabled(1), enabled(2)]).toEqual([
      [false, false],
      [false, true],
      [true, false],
    ])
  })

  it('has at most two of a bridge, where other registers follow', () => {
    const { bytes } = new ConfigBytes(256, 1).put32(0x14, 0x1000).put32(0x18, 0x0001_0100)
    expect(configBars(bytes).map(({ index }) => index)).toEqual([1])
  })

  it('has none in a header that it does not know', () => {
    expect(configBars(new ConfigBytes(256, 0x7e).put32(0x10, 0x1000).bytes)).toEqual([])
  })

  it('believes a kernel that probed, also of a virtual function, whose registers are zero', () => {
    const known = {
      index: 0,
      start: 0x1_0000_0000n,
      size: 0x4000,
      kind: 'memory',
      addressBits: 64,
      prefetchable: true,
    } as const
    expect(configBars(new ConfigBytes().bytes, { bars: [known] })).toEqual([
      {
        index: 0,
        kind: 'memory',
        addressBits: 64,
        prefetchable: true,
        address: 0x1_0000_0000n,
        size: 0x4000,
        enabled: true,
      },
    ])
  })

  it('has an address below 2^64 and each index once, whatever the registers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        const bars = configBars(bytes)
        expect(new Set(bars.map(({ index }) => index)).size).toBe(bars.length)
        for (const { address } of bars) expect(address >= 0n && address < 1n << 64n).toBe(true)
      }),
    )
  })
})

describe('expansionRom', () => {
  it.each([
    [0, 0x30],
    [1, 0x38],
  ])('has its register in a header of type %i at %i', (type, offset) => {
    const { bytes } = new ConfigBytes(256, type).put16(4, MEMORY).put32(offset, 0xfe40_0ff1)
    expect(expansionRom(bytes)).toEqual({ address: 0xfe40_0800n, size: undefined, enabled: true })
  })

  it('is enabled by its own bit and that of memory both', () => {
    const enabled = (command: number, bit: number): boolean | undefined =>
      expansionRom(new ConfigBytes().put16(4, command).put32(0x30, 0xfe40_0000 + bit).bytes)?.enabled
    expect([enabled(0, 1), enabled(MEMORY, 0), enabled(MEMORY, 1)]).toEqual([false, false, true])
  })

  it('is where the kernel put it, although its register is zero while it is disabled, else not there', () => {
    const { bytes } = new ConfigBytes()
    expect(expansionRom(bytes)).toBeUndefined()
    const rom = { start: 0x1_fe40_0000n, size: 0x8000 }
    expect(expansionRom(bytes, { bars: [], rom })).toEqual({ address: rom.start, size: rom.size, enabled: false })
  })
})

describe('bridgeWindows', () => {
  it('is empty where the limit lies below the base', () => {
    const { bytes } = new ConfigBytes(256, 1).put8(0x1c, 0xf0).put16(0x20, 0xfff0).put16(0x24, 0xfff0)
    expect(bridgeWindows(bytes).map(({ range }) => range)).toEqual([undefined, undefined, undefined])
  })

  it('has upper halves only where the low bits say so', () => {
    const config = new ConfigBytes(256, 1).put32(0x28, 1).put32(0x2c, 1).put16(0x30, 1).put16(0x32, 1)
    expect(bridgeWindows(config.bytes).map(({ range }) => range?.base)).toEqual([0n, 0n, 0n])
    config.put8(0x1c, 1).put8(0x1d, 1).put16(0x24, 1).put16(0x26, 1)
    expect(bridgeWindows(config.bytes).map(({ range }) => range?.base)).toEqual([0x1_0000n, 0n, 0x1_0000_0000n])
  })
})
