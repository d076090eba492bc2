import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import koffi from 'koffi'
import { va } from '../../../src/base/address.ts'
import { type Field, type Layout, WIDTHS } from '../../../src/ddi/layout/layout.ts'
import { Struct } from '../../../src/ddi/layout/struct.ts'
import * as x64 from '../../../src/ddi/layout/x64.ts'
import * as ks from '../../../src/ddi/layout/x64-ks.ts'
import * as portcls from '../../../src/ddi/layout/x64-portcls.ts'

interface AbiType {
  readonly size: number
  readonly align: number
  readonly fields: Readonly<Record<string, { readonly offset: number; readonly size: number }>>
}

const { types: abi } = JSON.parse(readFileSync(new URL('../../../spec/abi-x64.json', import.meta.url), 'utf8')) as {
  readonly types: Readonly<Record<string, AbiType>>
}

const layouts: readonly Layout[] = [
  x64.MDL,
  x64.MM_PHYSICAL_ADDRESS_LIST,
  x64.SCATTER_GATHER_ELEMENT,
  x64.SCATTER_GATHER_LIST,
  x64.DMA_ADAPTER,
  x64.DMA_OPERATIONS,
  x64.DMA_ADAPTER_INFO,
  x64.DMA_TRANSFER_INFO,
  x64.DEVICE_DESCRIPTION,
  x64.CM_PARTIAL_RESOURCE_DESCRIPTOR,
  x64.CM_RESOURCE_LIST,
  ks.KSMAPPING,
  ks.KSSTREAM_POINTER_OFFSET,
  ks.KSSTREAM_POINTER,
  ks.KSSTREAM_HEADER,
  ...Object.values(portcls),
]
/** Members that hold members, listed beside them. */
const AGGREGATES = ['Elements', 'u', 'OffsetIn', 'OffsetOut', 'PresentationTime']
const compiled = layouts.filter(({ name }) => name in abi)

describe('the x64 table against what a compiler made of the headers', () => {
  it('has the structures that the DDIs use', () => {
    expect(compiled.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['MDL', 'SCATTER_GATHER_ELEMENT', 'SCATTER_GATHER_LIST', 'KSMAPPING']),
    )
  })

  it.each(compiled.map((layout) => [layout.name, layout] as const))('%s', (name, { size, align, fields }) => {
    const type = abi[name]
    const listed = Object.entries(type?.fields ?? {}).filter(([field]) => !AGGREGATES.includes(field))
    const ours = Object.entries(fields).map(([field, { offset, type: kind }]) => [
      field,
      { offset, size: WIDTHS[kind] },
    ])
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(listed))
    // A list ends in an array of unknown length: the header ends where that begins.
    const end = type?.fields['Elements']?.offset ?? type?.size
    expect({ size, align }).toEqual({ size: end, align: type?.align })
  })
})

describe('the x64 table against the rules of C', () => {
  const C_TYPES = { u8: 'uint8_t', u16: 'uint16_t', u32: 'uint32_t', u64: 'uint64_t' } as const
  /** Data and Mappings share their place: one of them is declared. */
  const members = ({ fields }: Layout): [string, Field][] =>
    Object.entries(fields).filter(([name]) => !name.endsWith('Mappings'))
  /** The members as a C declaration; those of a packed one are not aligned. */
  const declared = (layout: Layout): Record<string, string> =>
    Object.fromEntries(members(layout).map(([name, { type }]) => [name.replaceAll('.', '_'), C_TYPES[type]]))
  const natural = layouts.filter(({ name }) => !name.startsWith('CM_') && name !== 'WAVEFORMATEX')

  it.each(natural.map((layout) => [layout.name, layout] as const))('%s', (_, layout) => {
    const type = koffi.struct(declared(layout))
    expect(koffi.sizeof(type)).toBe(layout.size)
    expect(koffi.alignof(type)).toBe(layout.align)
    for (const [name, { offset }] of members(layout)) {
      expect([name, koffi.offsetof(type, name.replaceAll('.', '_'))]).toEqual([name, offset])
    }
  })

  it.each([
    ['a partial descriptor', x64.CM_PARTIAL_RESOURCE_DESCRIPTOR] as const,
    ['a wave format', portcls.WAVEFORMATEX] as const,
  ])('%s, packed', (_, layout) => {
    const { fields } = layout
    const type = koffi.pack(declared(layout))
    for (const [name, { offset }] of Object.entries(fields)) {
      expect([name, koffi.offsetof(type, name.replaceAll('.', '_'))]).toEqual([name, offset])
    }
  })
})

describe('a structure', () => {
  const bytes = fc.uint8Array({ minLength: 384, maxLength: 384 })
  const anyField = fc
    .constantFrom(...layouts)
    .chain((layout) => fc.tuple(fc.constant(layout), fc.constantFrom(...Object.keys(layout.fields)), fc.nat(40)))

  /** The little-endian number in [offset, offset + width). */
  const number = (memory: Uint8Array, offset: number, width: number): bigint =>
    memory.slice(offset, offset + width).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)

  it('reads a member from its bytes', () => {
    fc.assert(
      fc.property(bytes, anyField, (memory, [layout, name, base]) => {
        const struct = new Struct(layout, { address: va(0x1000), data: new DataView(memory.buffer) }, base)
        const field = layout.fields[name]
        if (field === undefined) throw new Error(name)
        expect(BigInt(struct.get(name))).toBe(number(memory, base + field.offset, WIDTHS[field.type]))
        expect(struct.address).toBe(0x1000n + BigInt(base))
      }),
    )
  })

  it('writes a member to its bytes and touches no other', () => {
    fc.assert(
      fc.property(
        bytes,
        anyField,
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        (memory, [layout, name, base], any) => {
          const field = layout.fields[name]
          if (field === undefined) throw new Error(name)
          const width = WIDTHS[field.type]
          const value = BigInt.asUintN(8 * width, any)
          const expected = memory.slice()
          for (let i = 0; i < width; i++) expected[base + field.offset + i] = Number((value >> BigInt(8 * i)) & 0xffn)
          const struct = new Struct(layout, { address: va(0), data: new DataView(memory.buffer) }, base)
          struct.set(name, width === 8 ? value : (Number(value) as never))
          expect(memory).toEqual(expected)
        },
      ),
    )
  })

  it('does not begin where it has no room', () => {
    const data = new DataView(new ArrayBuffer(48))
    expect(() => new Struct(x64.MDL, { address: va(0), data }, 8)).toThrow(RangeError)
  })
})
