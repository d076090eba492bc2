import { describe, expect, it } from '@jest/globals'
import { type PhysicalAddress, physicalAddress, va } from '../../../../src/base/address.ts'
import { type IO_ALLOCATION_ACTION, KIRQL } from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import type { MapRegisters } from '../../../../src/ddi/dma/channel/map-registers.ts'
import type { Mdl } from '../../../../src/ddi/mm/mdl.ts'
import { Segments } from '../../../../src/device/segments.ts'
import { GUARD_BYTE, orderPattern } from '../../../../src/memory/patterns.ts'
import { Bench, MmCached, TOP, ZERO } from '../bench.ts'
import { BusMap, bytesOf } from './chains.ts'

/** Most frames lie above it: what is there is copied. */
const REACH = 28
const BELOW = physicalAddress((1n << BigInt(REACH)) - 1n)
const ABOVE = physicalAddress(1n << BigInt(REACH))
const ADJACENT = 0x20

function pages(bench: Bench, count: number, low: PhysicalAddress, high: PhysicalAddress, flags = 0): Mdl {
  const mdl = bench.ddi.mm.MmAllocatePagesForMdlEx(low, high, ZERO, count * 4096, MmCached, flags)
  if (mdl === null) throw new Error('no pages')
  return mdl
}

function fill(bench: Bench, mdl: Mdl, byte: number): void {
  for (const frame of bench.ddi.mm.framesOf('test', mdl)) {
    bench.frames.write(frame * 4096, new Uint8Array(4096).fill(byte))
  }
}

function openBouncing(bench: Bench): DmaAdapter {
  bench.ddi.dma.platform.remapping = false
  return bench.adapter(REACH)
}

describe('a bounce page', () => {
  it('shows the device nothing that it was not given, in either direction', async () => {
    await using bench = await Bench.open()
    const [map, adapter] = [new BusMap(bench), openBouncing(bench)]
    const used = pages(bench, 200, ZERO, BELOW)
    fill(bench, used, 0x33)
    bench.free(used)
    const mdl = pages(bench, 1, ABOVE, TOP)
    fill(bench, mdl, 0x44)
    for (const toDevice of [true, false]) {
      const { value: list } = bench.list(adapter, mdl, 100, 50, toDevice)
      if (list === undefined) throw new Error('no list')
      const [first = 0] = map.bytes(list)
      const seen = bench.frames.read(first - 100, 4096)
      const expected = new Uint8Array(4096).fill(GUARD_BYTE)
      if (toDevice) expected.fill(0x44, 100, 150)
      expect(Buffer.compare(seen, expected)).toBe(0)
      bench.put(adapter, list, toDevice)
    }
  })

  it('is copied back only when the device no longer reaches it', async () => {
    await using bench = await Bench.open()
    const adapter = openBouncing(bench)
    const mdl = pages(bench, 1, ABOVE, TOP)
    fill(bench, mdl, 0x44)
    const [own = 0] = bytesOf(bench, [mdl])
    const { dma } = bench.device
    const map = dma.map.bind(dma)
    const atUnmap: number[] = []
    Object.defineProperty(dma, 'map', {
      value: (...args: Parameters<typeof map>) => {
        const mapping = map(...args)
        const unmap = mapping.unmap.bind(mapping)
        const value = (): number => {
          atUnmap.push(...bench.frames.read(own, 1))
          return unmap()
        }
        return Object.defineProperty(mapping, 'unmap', { value })
      },
    })
    const { value: list } = bench.list(adapter, mdl, 0, 4096, false)
    if (list !== undefined) bench.put(adapter, list, false)
    expect(atUnmap).toEqual([0x44])
    expect([...bench.frames.read(own, 1)]).toEqual([GUARD_BYTE])
  })
})

describe('MapTransfer beyond the reach', () => {
  it('joins no bounce pages that are not adjacent, though the buffer’s are', async () => {
    await using bench = await Bench.open()
    const [map, adapter] = [new BusMap(bench), openBouncing(bench)]
    const mdl = pages(bench, 4, ABOVE, TOP, ADJACENT)
    const places = bytesOf(bench, [mdl])
    const bytes = orderPattern(places.length, 5)
    bench.frames.write(places[0] ?? 0, bytes)
    const bases: MapRegisters[] = []
    const keep = (_device: unknown, _irp: undefined, base: MapRegisters): IO_ALLOCATION_ACTION => (bases.push(base), 3)
    bench.kernel.at(KIRQL.DISPATCH_LEVEL, () => adapter.AllocateAdapterChannel({}, 4, keep, {}))
    const [base] = bases
    if (base === undefined) throw new Error('no registers')
    const pieces = []
    for (let done = 0; done < bytes.length;) {
      const length = { value: bytes.length - done }
      const bus = adapter.MapTransfer(mdl, base, va(done), length, true)
      pieces.push({ bus, length: length.value })
      done += length.value
    }
    const home = bench.frames.read(0, bench.frames.size)
    const seen = Uint8Array.from(map.bytesOf(Segments.of(pieces)), (at) => home[at] ?? 0)
    expect(Buffer.compare(seen, bytes)).toBe(0)
  })
})

describe('a common buffer', () => {
  it('is mapped without the pages of its guards', async () => {
    await using bench = await Bench.open()
    const { dma } = bench.device
    const map = dma.map.bind(dma)
    const pagesOf: number[] = []
    Object.defineProperty(dma, 'map', {
      value: (...args: Parameters<typeof map>) => {
        pagesOf.push(args[0].indices.length)
        return map(...args)
      },
    })
    expect(bench.adapter().AllocateCommonBuffer(0x2000, {}, true)).not.toBeNull()
    expect(pagesOf).toEqual([2])
  })

  it('never lies across the platform’s boundary', async () => {
    await using bench = await Bench.open()
    bench.ddi.dma.platform.boundary = 0x2000
    const adapter = bench.adapter()
    for (let i = 0; i < 20; i++) {
      const logical: Parameters<DmaAdapter['AllocateCommonBuffer']>[1] = {}
      expect(adapter.AllocateCommonBuffer(0x2000, logical, true)).not.toBeNull()
      expect((logical.value ?? 1n) % 0x2000n).toBe(0n)
    }
  })
})
