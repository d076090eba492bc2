import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { physicalAddress } from '../../../../src/base/address.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import { type Mdl, MmGetMdlByteCount } from '../../../../src/ddi/mm/mdl.ts'
import { orderPattern } from '../../../../src/memory/patterns.ts'
import { Bench, TOP, ZERO, MmCached } from '../bench.ts'
import { BusMap, bytesOf, chain, part } from './chains.ts'

/** Most frames lie above it: what is there is copied. */
const REACH = 28

const shapes = fc.array(fc.tuple(fc.nat(4095), fc.integer({ min: 1, max: 9000 })), { minLength: 1, maxLength: 3 })

interface Buffer {
  readonly mdl: Mdl
  /** Where each byte lies in the home view. */
  readonly places: readonly number[]
  readonly free: () => void
}

function openBuffer(bench: Bench, wanted: readonly (readonly [number, number])[]): Buffer {
  const mdls = wanted.map(([offset, bytes]) => part(bench, offset, bytes))
  const free = (): void => {
    for (const one of mdls) bench.free(one)
  }
  return { mdl: chain(mdls), places: bytesOf(bench, mdls), free }
}

const readAll = (bench: Bench, places: readonly number[]): Uint8Array => {
  const home = bench.frames.read(0, bench.frames.size)
  return Uint8Array.from(places, (at) => home[at] ?? 0)
}

function writeAll(bench: Bench, places: readonly number[], bytes: Uint8Array): void {
  const home = bench.frames.read(0, bench.frames.size)
  places.forEach((at, index) => (home[at] = bytes[index] ?? 0))
  bench.frames.write(0, home)
}

const openAdapter = (bench: Bench, scatterGather: boolean): DmaAdapter =>
  bench.adapter(REACH, 0x10_0000, { ScatterGather: scatterGather ? 1 : 0 })

describe('bounce pages', () => {
  it.each([true, false])(
    'hold what the buffer held when the list was made (scatter/gather: %s)',
    async (scatterGather) => {
      await using bench = await Bench.open()
      const map = new BusMap(bench)
      bench.ddi.dma.platform.remapping = false
      const adapter = openAdapter(bench, scatterGather)
      const before = bench.inUse
      fc.assert(
        fc.property(shapes, (wanted) => {
          const { mdl, places, free } = openBuffer(bench, wanted)
          const bytes = orderPattern(places.length, 7)
          writeAll(bench, places, bytes)
          const { value: list } = bench.list(adapter, mdl, 0, places.length, true)
          if (list === undefined) throw new Error('no list')
          expect(Buffer.compare(readAll(bench, map.bytes(list)), bytes)).toBe(0)
          bench.put(adapter, list, true)
          expect(Buffer.compare(readAll(bench, places), bytes)).toBe(0)
          free()
          expect(bench.inUse).toEqual(before)
        }),
        { numRuns: 12 },
      )
    },
  )

  it.each([true, false])(
    'give the buffer what the device wrote, and no other byte of its pages (scatter/gather: %s)',
    async (scatterGather) => {
      await using bench = await Bench.open()
      const map = new BusMap(bench)
      bench.ddi.dma.platform.remapping = false
      const adapter = openAdapter(bench, scatterGather)
      const before = bench.inUse
      fc.assert(
        fc.property(shapes, (wanted) => {
          const { mdl, places, free } = openBuffer(bench, wanted)
          const { value: list } = bench.list(adapter, mdl, 0, places.length, false)
          if (list === undefined) throw new Error('no list')
          const bytes = orderPattern(places.length, 11)
          writeAll(bench, map.bytes(list), bytes)
          const home = bench.frames.read(0, bench.frames.size)
          bench.put(adapter, list, false)
          expect(Buffer.compare(readAll(bench, places), bytes)).toBe(0)
          const own = new Set(bench.ddi.mm.framesOf('test', mdl))
          const meant = new Set(places)
          const after = bench.frames.read(0, bench.frames.size)
          const spoilt = after.findIndex(
            (byte, at) => own.has(Math.floor(at / 4096)) && !meant.has(at) && byte !== home[at],
          )
          expect(spoilt).toBe(-1)
          free()
          expect(bench.inUse).toEqual(before)
        }),
        { numRuns: 6 },
      )
    },
  )

  it('are none for what the device reaches', async () => {
    await using bench = await Bench.open()
    const map = new BusMap(bench)
    bench.ddi.dma.platform.remapping = false
    const adapter = bench.adapter(REACH)
    const low = physicalAddress((1n << 28n) - 1n)
    const mdl = bench.ddi.mm.MmAllocatePagesForMdlEx(ZERO, low, ZERO, 8192, MmCached, 0)
    if (mdl === null) throw new Error('no pages')
    const { value: list } = bench.list(adapter, mdl, 0, MmGetMdlByteCount(mdl), true)
    if (list === undefined) throw new Error('no list')
    expect(map.bytes(list)).toEqual(bytesOf(bench, [mdl]))
    bench.put(adapter, list, true)
    bench.free(mdl)
    expect(TOP).toBeGreaterThan(low)
  })

  it('that are not to be had are a shortage, and nothing is mapped', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.remapping = false
    const adapter = bench.adapter(13)
    const { status } = bench.list(adapter, bench.pages(4), 0, 4 * 4096, true)
    expect([status, bench.device.dma.entries]).toEqual([0xc000_009a, 0])
    expect(bench.kernel.shortages.first?.code).toBe('out-of-memory')
  })
})
