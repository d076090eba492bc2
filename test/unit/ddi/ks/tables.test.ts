import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress, va } from '../../../../src/base/address.ts'
import { NtStatus } from '../../../../src/base/ntstatus.ts'
import { KIRQL, type Out } from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import { type KsMappingTable, writeMappingTable } from '../../../../src/ddi/ks/mappings.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import type { Pool } from '../../../../src/ddi/kernel/pool.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { Bench, outcome } from '../bench.ts'

/** A pool without bounds, for tables alone. */
const endless = (): Pool =>
  ({
    allocate: (size: number) => ({ address: va(0x1_0000), size, data: new DataView(new ArrayBuffer(size)) }),
  }) as unknown as Pool

function register(bench: Bench, adapter: DmaAdapter, maxBytes = 4096, stride = 16): number {
  const description = bench.description()
  const status = bench.ddi.ks.RegisterAdapterObjectEx(adapter, description, adapter.mapRegisters, maxBytes, stride)
  bench.kernel.pool.free(description.address)
  return status
}

function tableOf(bench: Bench, mdl: Mdl, length: number, toDevice = true): KsMappingTable {
  const table: Out<KsMappingTable> = {}
  const status = bench.ddi.ks.generateMappings(mdl, length, toDevice, table)
  if (table.value === undefined) throw new Error(`no table: ${status}`)
  return table.value
}

describe('a mapping table', () => {
  const piece = fc.record({ bus: fc.bigInt({ min: 0n, max: 1n << 40n }), length: fc.integer({ min: 1, max: 20_000 }) })

  it('holds the pieces, split no longer than allowed, byte for byte in their order', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.integer({ min: 1000, max: 30_000 }),
        fc.constantFrom(16, 24, 64),
        (pieces, maxBytes, stride) => {
          const given = Segments.of(pieces.map(({ bus, length }) => ({ bus: busAddress(bus), length })))
          const { table } = writeMappingTable(endless(), given, maxBytes, stride) ?? { table: undefined }
          if (table === undefined) throw new Error('no table')
          // Joined again where one ends at the start of the next, it is the list that it was made from.
          const entries = [...table.segments()]
          expect(entries.every(({ length }) => length > 0 && length <= maxBytes)).toBe(true)
          const covered = entries.map(({ bus, length }) => ({ bus: BigInt(bus), length }))
          for (const { bus, length } of pieces) {
            let left = length
            for (let at = bus; left > 0;) {
              const entry = covered.shift()
              expect(entry?.bus).toBe(at)
              at += BigInt(entry?.length ?? 0)
              left -= entry?.length ?? Number.POSITIVE_INFINITY
            }
            expect(left).toBe(0)
          }
          expect(covered).toEqual([])
          expect(table.Count).toBe(entries.length)
          expect(table.stride).toBe(stride)
        },
      ),
    )
  })

  it('has room for the minidriver behind each entry, which no entry touches', () => {
    const given = Segments.of([{ bus: busAddress(0x1000), length: 12_000 }])
    const { table } = writeMappingTable(endless(), given, 4096, 40) ?? {}
    expect(table?.Count).toBe(3)
    table?.context(1).fill(0xaa)
    expect(table?.context(1)).toHaveLength(24)
    expect([...(table?.segments() ?? [])].map(({ bus, length }) => [bus, length])).toEqual([
      [0x1000n, 4096],
      [0x2000n, 4096],
      [0x3000n, 3808],
    ])
    expect(table?.context(0).every((byte) => byte === 0)).toBe(true)
  })

  it('of one byte an entry over a long frame is refused before a single entry is made', () => {
    const asked: number[] = []
    const none = { allocate: (size: number) => void asked.push(size) } as unknown as Pool
    const given = Segments.of([{ bus: busAddress(0), length: 2 ** 32 - 1 }])
    expect(writeMappingTable(none, given, 1, 24)).toBeUndefined()
    expect(asked).toEqual([(2 ** 32 - 1) * 24])
  })

  it('has no entry beyond its last', () => {
    const { table } = writeMappingTable(endless(), Segments.of([{ bus: busAddress(0), length: 1 }]), 1, 16) ?? {}
    expect(() => table?.entry(1)).toThrow(RangeError)
    expect(() => table?.entry(-1)).toThrow(RangeError)
  })
})

describe('AVStream', () => {
  it('makes a table over the buffer and ends the device’s access with it', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const before = bench.inUse
    const mdl = bench.pages(6)
    expect(register(bench, adapter)).toBe(NtStatus.STATUS_SUCCESS)
    const table = tableOf(bench, mdl, 20_001)
    expect(table.segments().size).toBe(20_001)
    expect(bench.device.dma.entries).toBeGreaterThan(0)
    bench.ddi.ks.releaseMappings(table)
    bench.free(mdl)
    expect(bench.inUse).toEqual(before)
    expect(outcome(() => bench.ddi.ks.releaseMappings(table))).toBe('KSM-027')
  })

  it.each([
    ['a stride below 16', 'KSM-013', 4096, 8],
    ['a stride that is no multiple of 8', 'KSM-015', 4096, 20],
    ['entries of no bytes', 'KSM-021', 0, 16],
  ])('makes a misuse of %s', async (_, rule, maxBytes, stride) => {
    await using bench = await Bench.open()
    expect(outcome(() => register(bench, bench.adapter(), maxBytes, stride))).toBe(rule)
    expect(outcome(() => tableOf(bench, bench.pages(1), 1))).toBe('KSM-010')
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32])('takes no %d for a number of map registers', async (count) => {
    await using bench = await Bench.open()
    const [adapter, description] = [bench.adapter(), bench.description()]
    const { ks } = bench.ddi
    expect(outcome(() => ks.RegisterAdapterObjectEx(adapter, description, count, 4096, 16))).toMatch(
      /KSM-012|range-outside/u,
    )
  })

  it('takes no description without scatter/gather, whatever the adapter can', async () => {
    await using bench = await Bench.open()
    const [adapter, description] = [bench.adapter(), bench.description()]
    description.set('ScatterGather', 0)
    expect(outcome(() => bench.ddi.ks.RegisterAdapterObjectEx(adapter, description, 1, 4096, 16))).toBe('KSM-010')
  })

  it('registers at PASSIVE_LEVEL only', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const atDispatch = bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => outcome(() => register(bench, adapter)))
    expect(atDispatch).toBe('KSM-012')
  })

  it('makes no table, and keeps nothing, when mapping resources are short', async () => {
    await using bench = await Bench.open()
    register(bench, bench.adapter(28, 4096))
    const mdl = bench.pages(4)
    const table: Out<KsMappingTable> = {}
    const before = bench.inUse
    expect(bench.ddi.ks.generateMappings(mdl, 4 * 4096, true, table)).toBe(NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    expect([table, bench.inUse]).toEqual([{}, before])
  })

  it('makes no table, and keeps nothing, when the pool has no room for one', async () => {
    await using bench = await Bench.open()
    register(bench, bench.adapter(), 1, 4096)
    const mdl = bench.pages(2)
    const before = bench.inUse
    const table: Out<KsMappingTable> = {}
    expect(bench.ddi.ks.generateMappings(mdl, 8000, true, table)).toBe(NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    expect([table, bench.inUse]).toEqual([{}, before])
  })

  it('releases what is left when Windows ends, and says so', async () => {
    await using bench = await Bench.open()
    register(bench, bench.adapter())
    tableOf(bench, bench.pages(2), 5000, false)
    expect(await bench.end()).toEqual(['KSM-027', 'MDL-123'])
    expect(bench.inUse.slice(0, 3)).toEqual([0, 0, 0])
  })

  it('keeps its adapter from being released while it has tables, and ends well with them', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    register(bench, adapter)
    const table = tableOf(bench, bench.pages(2), 5000)
    expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0xa')
    expect(table.Count).toBeGreaterThan(0)
    expect(await bench.end()).toEqual(['KSM-027', 'MDL-123'])
    expect(bench.inUse.slice(0, 3)).toEqual([0, 0, 0])
  })
})
