import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { va } from '../../../../src/base/address.ts'
import { IO_ALLOCATION_ACTION, KIRQL } from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { MapRegisters } from '../../../../src/ddi/dma/channel/map-registers.ts'
import { MmGetMdlByteCount, MmGetMdlVirtualAddress } from '../../../../src/ddi/mm/mdl.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { Bench, outcome } from '../bench.ts'
import { BusMap, bytesOf, part } from './chains.ts'

function take(bench: Bench, adapter: DmaAdapter, count: number): MapRegisters {
  const taken: MapRegisters[] = []
  bench.kernel.at(KIRQL.DISPATCH_LEVEL, () =>
    adapter.AllocateAdapterChannel(
      {},
      count,
      (_device, _irp, base) => {
        taken.push(base)
        return IO_ALLOCATION_ACTION.DeallocateObjectKeepRegisters
      },
      {},
    ),
  )
  const [base] = taken
  if (base === undefined) throw new Error('no registers')
  return base
}

const shape = fc.tuple(fc.nat(4095), fc.integer({ min: 1, max: 30_000 }))
const limits = fc.record({
  boundary: fc.constantFrom(0, 4096, 0x2000, 0x1_0000),
  longestElement: fc.constantFrom(0xffff_ffff, 1000, 4096, 9000),
})

describe('MapTransfer', () => {
  it('gives the buffer piece by piece, within the limits, and the flush ends all of it', async () => {
    await using bench = await Bench.open()
    const map = new BusMap(bench)
    fc.assert(
      fc.property(shape, limits, ([offset, bytes], limit) => {
        Object.assign(bench.ddi.dma.platform, limit)
        const adapter = bench.adapter()
        const mdl = part(bench, offset, bytes)
        const start = MmGetMdlVirtualAddress(mdl)
        const base = take(bench, adapter, 64)
        const pieces = []
        for (let done = 0; done < bytes;) {
          const length = { value: bytes - done }
          const bus = adapter.MapTransfer(mdl, base, va(start + BigInt(done)), length, true)
          expect(length.value).toBeGreaterThan(0)
          if (limit.boundary > 0) {
            expect(Number(bus % BigInt(limit.boundary)) + length.value).toBeLessThanOrEqual(limit.boundary)
          }
          expect(length.value).toBeLessThanOrEqual(limit.longestElement)
          pieces.push({ bus, length: length.value })
          done += length.value
        }
        expect(map.bytesOf(Segments.of(pieces))).toEqual(bytesOf(bench, [mdl]))
        adapter.FlushAdapterBuffers(mdl, base, start, MmGetMdlByteCount(mdl), true)
        expect(bench.device.dma.entries).toBe(0)
        bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.FreeMapRegisters(base, 64))
        bench.free(mdl)
        bench.ddi.dma.PutDmaAdapter(adapter)
      }),
      { numRuns: 40 },
    )
  })

  it('maps nothing and says so when the platform has no mapping left', async () => {
    await using bench = await Bench.open('loopback:edu?entries=1')
    const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
    const { value: list } = bench.list(adapter, mdl, 0, 1, true)
    const base = take(bench, adapter, 1)
    const length = { value: 1 }
    expect(adapter.MapTransfer(mdl, base, va(0), length, true)).toBe(0n)
    expect([length.value, base.used, bench.kernel.shortages.first?.code]).toEqual([0, 0, 'dma-entries-exhausted'])
    if (list !== undefined) bench.put(adapter, list, true)
  })
})

it('map registers that were left are taken back and written down', async () => {
  await using bench = await Bench.open()
  const [adapter, mdl] = [bench.adapter(), bench.pages(1)]
  const base = take(bench, adapter, 1)
  adapter.MapTransfer(mdl, base, va(0), { value: 100 }, false)
  expect(outcome(() => bench.ddi.dma.PutDmaAdapter(adapter))).toBe('0xe6/0x9')
  expect(await bench.end()).toEqual(['VER-003', 'MDL-123'])
  expect(bench.inUse).toEqual([0, 0, 0, 0])
})
