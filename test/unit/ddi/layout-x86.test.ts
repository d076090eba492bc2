import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import koffi from 'koffi'
import { type Field, type Layout, WIDTHS } from '../../../src/ddi/layout/layout.ts'
import * as x64 from '../../../src/ddi/layout/x64.ts'
import * as x64Ks from '../../../src/ddi/layout/x64-ks.ts'
import * as x86 from '../../../src/ddi/layout/x86.ts'
import * as x86Ks from '../../../src/ddi/layout/x86-ks.ts'
import * as wideAudio from '../../../src/ddi/layout/x64-portcls.ts'
import * as audio from '../../../src/ddi/layout/x86-portcls.ts'

interface AbiType {
  readonly size: number
  readonly align: number
  readonly fields: Readonly<Record<string, { readonly offset: number; readonly size: number }>>
}

const { types: abi } = JSON.parse(readFileSync(new URL('../../../spec/abi-x86.json', import.meta.url), 'utf8')) as {
  readonly types: Readonly<Record<string, AbiType>>
}

const isLayout = (value: Layout | number): value is Layout => typeof value !== 'number'
const layouts: readonly Layout[] = Object.values<Layout | number>({ ...x86, ...x86Ks, ...audio }).filter(isLayout)
const wide: Readonly<Record<string, Layout>> = Object.fromEntries(
  Object.values<Layout | number>({ ...x64, ...x64Ks, ...wideAudio })
    .filter(isLayout)
    .map((layout) => [layout.name, layout]),
)
/** Members that hold members, listed beside them. */
const AGGREGATES = ['Elements', 'u', 'OffsetIn', 'OffsetOut', 'PresentationTime']
/** Members that pointers of one size need for padding (KSM-002, KSM-003). */
const PADDING = /^(OffsetIn\.|OffsetOut\.)?(Alignment|Reserved)$/
const named = layouts.map((layout) => [layout.name, layout] as const)

describe('the x86 table against what a compiler made of the headers', () => {
  const compiled = named.filter(([name]) => name in abi)

  it('has the structures of the x64 table that the headers declare', () => {
    const declared = Object.keys(wide).filter((name) => name in abi)
    expect(compiled.map(([name]) => name).toSorted()).toEqual(declared.toSorted())
  })

  it.each(compiled)('%s', (name, { size, align, fields }) => {
    const type = abi[name]
    const listed = Object.entries(type?.fields ?? {}).filter(([field]) => !AGGREGATES.includes(field))
    const ours = Object.entries(fields).map(([field, { offset, type: kind }]) => [
      field,
      { offset, size: WIDTHS[kind] },
    ])
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(listed))
    expect({ size, align }).toEqual({ size: type?.fields['Elements']?.offset ?? type?.size, align: type?.align })
  })
})

describe('the x86 table against the rules of C', () => {
  const C_TYPES = { u8: 'uint8_t', u16: 'uint16_t', u32: 'uint32_t', u64: 'uint64_t' } as const
  /** Data and Mappings share their place: one of them is declared. */
  const members = ({ fields }: Layout): [string, Field][] =>
    Object.entries(fields).filter(([name]) => !name.endsWith('Mappings'))
  const declared = (layout: Layout): Record<string, string> =>
    Object.fromEntries(members(layout).map(([name, { type }]) => [name.replaceAll('.', '_'), C_TYPES[type]]))

  it.each(named.filter(([name]) => !name.startsWith('CM_')))('%s', (_, layout) => {
    // Windows aligns 64-bit integers to 8 bytes on x86 too, as koffi does here.
    const type = koffi.struct(declared(layout))
    for (const [name, { offset }] of members(layout)) {
      expect([name, koffi.offsetof(type, name.replaceAll('.', '_'))]).toEqual([name, offset])
    }
    const header = layout.name === 'SCATTER_GATHER_LIST'
    expect(koffi.sizeof(type)).toBe(layout.size)
    // The header of a list is aligned as its elements are.
    expect(header ? x86.SCATTER_GATHER_ELEMENT.align : koffi.alignof(type)).toBe(layout.align)
  })

  it('a partial descriptor, packed', () => {
    const { fields } = x86.CM_PARTIAL_RESOURCE_DESCRIPTOR
    const type = koffi.pack(declared(x86.CM_PARTIAL_RESOURCE_DESCRIPTOR))
    for (const [name, { offset }] of Object.entries(fields)) {
      expect([name, koffi.offsetof(type, name.replaceAll('.', '_'))]).toEqual([name, offset])
    }
  })
})

it.each(named)('%s has the same members in both tables', (name, { fields }) => {
  const shared = (members: Layout['fields']): string[] =>
    Object.keys(members).filter((member) => name === 'KSMAPPING' || !PADDING.test(member))
  expect(shared(fields)).toEqual(shared(wide[name]?.fields ?? {}))
})
