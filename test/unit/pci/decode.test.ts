import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type DecodedConfig, decodeConfig } from '../../../src/pci/decode.ts'
import { fieldOf } from '../../../src/pci/register.ts'
import { ConfigBytes } from './config-bytes.ts'

const kinds = ({ problems }: DecodedConfig): readonly string[] => problems.map(({ kind }) => kind)

/** Random bytes that get past the first checks: an answer, a header type, a list. */
const lively = fc
  .tuple(
    fc.uint8Array({ minLength: 64, maxLength: 512 }),
    fc.constantFrom(0, 1, 2, 3, 0x80),
    fc.integer({ min: 0, max: 0xff }),
  )
  .map(([bytes, type, pointer]) => {
    bytes.set([0x34, 0x12], 0)
    bytes[0x06] = (bytes[0x06] ?? 0) | 0x10
    bytes[0x0e] = type
    bytes[0x34] = pointer
    return bytes
  })

describe('decodeConfig', () => {
  it('never throws, whatever the bytes', () => {
    const any = fc.oneof(fc.uint8Array({ maxLength: 300 }), lively)
    fc.assert(
      fc.property(any, (bytes) => {
        expect(() => decodeConfig(bytes)).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })

  it('names no register and no byte outside of those that it was given', () => {
    fc.assert(
      fc.property(lively, (bytes) => {
        for (const { offset, registers, bytes: own } of decodeConfig(bytes).capabilities) {
          expect(offset + own.length).toBeLessThanOrEqual(bytes.length)
          for (const register of registers) expect(register.offset + register.width).toBeLessThanOrEqual(bytes.length)
        }
      }),
    )
  })

  it('leaves the bytes alone', () => {
    fc.assert(
      fc.property(lively, (bytes) => {
        const before = bytes.slice()
        decodeConfig(bytes)
        expect(bytes).toEqual(before)
      }),
    )
  })

  it('says that nothing answers where all is ones, and looks for nothing there', () => {
    const config = decodeConfig(new Uint8Array(256).fill(0xff))
    expect(kinds(config)).toEqual(['no-answer'])
    expect(config.capabilities).toEqual([])
  })

  it('says when the header is cut short', () => {
    expect(kinds(decodeConfig(new ConfigBytes(63).bytes))).toContain('truncated')
    expect(kinds(decodeConfig(new ConfigBytes(64).bytes))).toEqual([])
  })

  it('says when the header type is none that is known', () => {
    const config = decodeConfig(new ConfigBytes(256, 0x7e).bytes)
    expect([config.header, ...kinds(config)]).toEqual(['unknown', 'header-unknown'])
  })

  it('knows a function of several by bit 7 of its header type, which is no part of the type', () => {
    const config = decodeConfig(new ConfigBytes(256, 0x81).bytes)
    expect(config.header).toBe('bridge')
    expect(fieldOf(config.registers, 'HeaderType', 'MultiFunction')).toBe(true)
  })

  it('has a pin, and the bus numbers of a bridge', () => {
    const { bytes } = new ConfigBytes(256, 1).put8(0x3d, 2).put32(0x18, 0x2005_0403)
    const { registers } = decodeConfig(bytes)
    expect(fieldOf(registers, 'InterruptPin', 'Pin')).toBe('B')
    expect(['Primary', 'Secondary', 'Subordinate', 'Latency'].map((one) => fieldOf(registers, 'Bus', one))).toEqual([
      3, 4, 5, 0x20,
    ])
  })
})

describe('capabilities that lie badly', () => {
  it('reports one that reaches into the next', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x11, 0x48).capability(0x48, 0x01, 0)
    const { problems } = decodeConfig(bytes)
    expect(problems).toEqual([
      { kind: 'overlap', offset: 0x40, text: expect.stringMatching(/MSI-X.*Power Management/) },
    ])
  })

  it('reports none that ends where the next begins', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x11, 0x4c).capability(0x4c, 0x01, 0)
    expect(kinds(decodeConfig(bytes))).toEqual([])
  })

  it('reports an overlap whichever of the two comes first in the chain', () => {
    const { bytes } = new ConfigBytes().list(0x48).capability(0x48, 0x01, 0x40).capability(0x40, 0x11, 0)
    expect(kinds(decodeConfig(bytes))).toEqual(['overlap'])
  })

  it('reports one that does not fit into config space, and decodes what there is of it', () => {
    const { bytes } = new ConfigBytes().list(0xfc).capability(0xfc, 0x11, 0).put16(0xfe, 0x8002)
    const { problems, capabilities } = decodeConfig(bytes)
    expect(problems).toEqual([{ kind: 'truncated', offset: 0xfc, text: expect.stringContaining('ends at 0x100') }])
    expect(capabilities[0]?.registers.map(({ name }) => name)).toEqual(['MsgCtl'])
  })

  it('reads none of its registers from where extended capabilities are', () => {
    const config = new ConfigBytes(4096).list(0x40).capability(0x40, 0x10, 0xfc).capability(0xfc, 0x11, 0)
    const [, msiX] = decodeConfig(config.extended(0x100, 0x0003, 0).bytes).capabilities
    expect(msiX?.registers.map(({ name }) => name)).toEqual(['MsgCtl'])
    expect(msiX?.bytes.length).toBe(4)
  })

  it('reports none that ends where config space ends', () => {
    const { bytes } = new ConfigBytes().list(0xf4).capability(0xf4, 0x11, 0)
    expect(kinds(decodeConfig(bytes))).toEqual([])
  })

  it('reports one of which the bytes are not at hand', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x11, 0)
    expect(decodeConfig(bytes.subarray(0, 0x48)).problems).toEqual([
      { kind: 'truncated', offset: 0x40, text: expect.stringContaining('72 bytes are at hand') },
    ])
  })
})

describe('the header', () => {
  it.each([
    [0, true],
    [1, false],
    [2, false],
    [0x7e, false],
  ])('of type %i has the timing of a device: %s', (type, has) => {
    const names = decodeConfig(new ConfigBytes(256, type).bytes).registers.map(({ name }) => name)
    expect(names.includes('MinGnt')).toBe(has)
    expect(names).toContain('Control')
  })
})

describe('the length of a capability', () => {
  const lengthOf = (id: number, flags: number): number | undefined =>
    decodeConfig(new ConfigBytes().list(0x40).capability(0x40, id, 0).put16(0x42, flags).bytes).capabilities[0]?.length

  it.each([
    [0x0000, 10],
    [0x0080, 14],
    [0x0100, 20],
    [0x0180, 24],
  ])('of MSI with the control register %i is %i', (flags, length) => expect(lengthOf(0x05, flags)).toBe(length))

  // Version in bits 3:0, type in 7:4, slot in bit 8.
  it.each([
    ['an endpoint, version 1', 0x0001, 0x14],
    ['an integrated endpoint, version 1', 0x0091, 0x0c],
    ['a downstream port with a slot, version 1', 0x0161, 0x1c],
    ['a bridge from PCI with a slot, version 1', 0x0181, 0x1c],
    ['an upstream port, which has no slot, version 1', 0x0151, 0x14],
    ['a root port, version 1', 0x0041, 0x24],
    ['an endpoint, version 2', 0x0002, 0x34],
    ['an integrated endpoint, version 2', 0x0092, 0x2c],
  ])('of PCI Express of %s is that of its last register', (_, flags, length) =>
    expect(lengthOf(0x10, flags)).toBe(length),
  )
})

describe('capabilities that are not decoded', () => {
  // Where the last register ends (PCIe 7.8.3, 7.8.7, 7.9.3, 10.5.2), or as the second dword tells (7.9.5, 7.9.6).
  it.each([
    ['Device Serial Number', 0x0003, 12],
    ['Alternative Routing-ID Interpretation', 0x000e, 8],
    ['Page Request Interface', 0x0013, 16],
    ['Latency Tolerance Reporting', 0x0018, 8],
    ['Vendor Specific', 0x000b, 0x123],
    ['Designated Vendor-Specific', 0x0023, 0x123],
  ])('know the length of %s', (name, id, length) => {
    const config = new ConfigBytes(4096).list(0x40).capability(0x40, 0x10, 0).extended(0x100, id, 0)
    expect(decodeConfig(config.put32(0x104, 0x1234_5678).bytes).capabilities[1]).toMatchObject({ name, length })
  })

  it('are shown by id and by as many bytes as they say to have', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x09, 0).put8(0x42, 5).put16(0x43, 0xbeef)
    const [only] = decodeConfig(bytes).capabilities
    expect(only).toMatchObject({ id: 0x09, name: 'Vendor Specific', length: 5, registers: [] })
    expect([...(only?.bytes ?? [])]).toEqual([0x09, 0, 5, 0xef, 0xbe])
  })

  it('have no length where they say less than their own header takes', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x09, 0).put8(0x42, 1)
    expect(decodeConfig(bytes).capabilities[0]).not.toHaveProperty('length')
  })

  it('are shown up to the next one where nothing tells their length, and have a name even when nobody knows them', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x7e, 0x48).capability(0x48, 0x01, 0)
    const [unknown] = decodeConfig(bytes).capabilities
    expect([unknown?.name, unknown?.bytes.length, unknown?.length]).toEqual(['unknown (id 0x7e)', 8, undefined])
  })

  it('are shown by 64 bytes at most where nothing tells their length', () => {
    const { bytes } = new ConfigBytes(4096).list(0x40).capability(0x40, 0x10, 0).extended(0x100, 0x0002, 0)
    expect(decodeConfig(bytes).capabilities.map(({ bytes: own }) => own.length)[1]).toBe(64)
  })
})

describe('extended capabilities', () => {
  const withFirst = (id: number): Uint8Array =>
    new ConfigBytes(4096).list(0x40).capability(0x40, id, 0).extended(0x100, 0x0003, 0).bytes

  it('are looked for behind a PCI Express or a PCI-X capability only', () => {
    const found = [0x10, 0x07, 0x05].map((id) => decodeConfig(withFirst(id)).capabilities.length)
    expect(found).toEqual([2, 2, 1])
  })

  it('have the registers of a root port in error reporting of one and of an event collector only', () => {
    const names = [0x40, 0xa0, 0x00, 0x60].map((type) => {
      const config = new ConfigBytes(4096)
        .list(0x40)
        .capability(0x40, 0x10, 0)
        .put8(0x42, type + 1)
      const [, aer] = decodeConfig(config.extended(0x100, 0x0001, 0).bytes).capabilities
      return aer?.registers.some(({ name }) => name === 'RootCmd')
    })
    expect(names).toEqual([true, true, false, false])
  })

  it('have six resizable BARs at most, and one at least, whatever their number says', () => {
    const lengths = [0, 1, 6, 7].map((count) => {
      const config = new ConfigBytes(4096).list(0x40).capability(0x40, 0x10, 0).extended(0x100, 0x0015, 0)
      return decodeConfig(config.put32(0x108, count << 5).bytes).capabilities[1]?.length
    })
    expect(lengths).toEqual([12, 12, 52, 52])
  })

  it('have an egress vector with egress control only, and of 256 bits where its size is 0', () => {
    const seen = [0x0800, 0x0020, 0x0820, 0x2120].map((value) => {
      const config = new ConfigBytes(4096).list(0x40).capability(0x40, 0x10, 0)
      const [, acs] = decodeConfig(config.extended(0x100, 0x000d, 0).put16(0x104, value).bytes).capabilities
      return [acs?.length, fieldOf(acs?.registers ?? [], 'ACSCap', 'EgressVector')]
    })
    expect(seen).toEqual([
      [8, 0],
      [40, 256],
      [12, 8],
      [16, 33],
    ])
  })
})
