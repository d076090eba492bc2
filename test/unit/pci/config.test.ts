import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { barAttributes } from '../../../src/pci/bars.ts'
import { configIds } from '../../../src/pci/config.ts'

const header = fc.uint8Array({ minLength: 64, maxLength: 256 })
/** … of a function that is no bridge, by bits 6:0 of the header type. */
const endpoint = header.map((bytes) => bytes.with(0x0e, (bytes[0x0e] ?? 0) & 0x80))
/** The little-endian number in [offset, offset + width), by the book. */
const number = (bytes: Uint8Array, offset: number, width: number): number =>
  Array.from({ length: width }, (_, i) => (bytes[offset + i] ?? 0) * 256 ** i).reduce((sum, part) => sum + part, 0)

describe('configIds', () => {
  it('reads each id from its place, little endian', () => {
    fc.assert(
      fc.property(endpoint, (bytes) => {
        expect(configIds(bytes)).toEqual({
          vendor: number(bytes, 0x00, 2),
          device: number(bytes, 0x02, 2),
          revision: number(bytes, 0x08, 1),
          classCode: number(bytes, 0x09, 3),
          subsystemVendor: number(bytes, 0x2c, 2),
          subsystem: number(bytes, 0x2e, 2),
        })
      }),
    )
  })

  it('knows of no subsystem of a bridge, where an address stands in its place', () => {
    fc.assert(
      fc.property(header, fc.constantFrom(1, 2, 0x81), (bytes, type) => {
        bytes[0x0e] = type
        expect(configIds(bytes)).toMatchObject({ subsystemVendor: 0, subsystem: 0 })
      }),
    )
  })

  it('reads from where a view of the bytes begins', () => {
    const bytes = new Uint8Array(80)
    bytes.set([0x86, 0x80], 16)
    expect(configIds(bytes.subarray(16)).vendor).toBe(0x8086)
  })
})

describe('barAttributes', () => {
  const withBar = (index: number, value: number): Uint8Array => {
    const bytes = new Uint8Array(64).fill(0xff)
    new DataView(bytes.buffer).setUint32(0x10 + index * 4, value, true)
    return bytes
  }
  const [index, base] = [fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 0xfff_ffff })]

  it.each([
    [0x0, { kind: 'memory', addressBits: 32, prefetchable: false }],
    [0x4, { kind: 'memory', addressBits: 64, prefetchable: false }],
    [0x8, { kind: 'memory', addressBits: 32, prefetchable: true }],
    [0xc, { kind: 'memory', addressBits: 64, prefetchable: true }],
  ] as const)('takes the low bits %s of a memory BAR at their word, wherever it lies', (bits, attributes) => {
    fc.assert(
      fc.property(index, base, (bar, start) => {
        expect(barAttributes(withBar(bar, start * 16 + bits), bar)).toEqual(attributes)
      }),
    )
  })

  it('knows an I/O BAR by bit 0, whatever its address', () => {
    fc.assert(
      fc.property(index, base, (bar, start) => {
        const io = { kind: 'io', addressBits: 32, prefetchable: false }
        expect(barAttributes(withBar(bar, start * 4 + 1), bar)).toEqual(io)
      }),
    )
  })
})
