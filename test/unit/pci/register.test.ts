import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { decodeConfig } from '../../../src/pci/decode.ts'
import { parseDump } from '../../../src/pci/dump.ts'
import { decodeRegisters, fieldOf, flag, number, register } from '../../../src/pci/register.ts'
import { dumpNames, dumpText } from './lspci/text.ts'

/** Widths of fields that together fill a register of 32 bits. */
const widths = fc
  .array(fc.integer({ min: 1, max: 32 }), { minLength: 1, maxLength: 32 })
  .map((all) => all.filter((_, index) => all.slice(0, index + 1).reduce((sum, width) => sum + width, 0) <= 32))

describe('a register', () => {
  it('gives back what was put into each of its fields', () => {
    const filled = widths.chain((all) =>
      fc.tuple(fc.constant(all), fc.tuple(...all.map((width) => fc.nat(2 ** width - 1)))),
    )
    fc.assert(
      fc.property(filled, fc.nat(12), ([all, values], base) => {
        const lows = all.map((_, index) => all.slice(0, index).reduce((sum, width) => sum + width, 0))
        const packed = values.reduce((sum, value, index) => sum + value * 2 ** (lows[index] ?? 0), 0)
        const bytes = new Uint8Array(16)
        new DataView(bytes.buffer).setUint32(base, packed, true)
        const spec = register(
          'R',
          0,
          4,
          '-',
          all.map((width, index) => number(lows[index] ?? 0, width, String(index))),
        )
        const decoded = decodeRegisters([spec], bytes, base)
        expect(decoded[0]?.value).toBe(packed)
        expect(all.map((_, index) => fieldOf(decoded, 'R', String(index)))).toEqual(values)
      }),
    )
  })

  it('is left out where it does not lie within the bytes as a whole', () => {
    const spec = register('R', 2, 4, '-', [flag(0, 'Bit')])
    expect(decodeRegisters([spec], new Uint8Array(6)).length).toBe(1)
    expect(decodeRegisters([spec], new Uint8Array(5))).toEqual([])
  })
})

describe('the registers that are described', () => {
  const all = dumpNames.flatMap((name) =>
    parseDump(dumpText(name)).flatMap(({ bytes }) => {
      const { registers, capabilities } = decodeConfig(bytes)
      return [registers, ...capabilities.map((one) => one.registers)]
    }),
  )

  it('have names that occur once in their capability, and labels that occur once in their register', () => {
    for (const registers of all) {
      expect(new Set(registers.map(({ name }) => name)).size).toBe(registers.length)
      for (const { fields } of registers) expect(new Set(fields.map(({ label }) => label)).size).toBe(fields.length)
    }
  })

  it('are aligned to their width, and name their section', () => {
    for (const { offset, width, section } of all.flat()) {
      expect(offset % width).toBe(0)
      expect(section).toMatch(/^PCIe \d+\.\d/)
    }
  })
})
