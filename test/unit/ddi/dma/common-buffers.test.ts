import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type BusAddress, type Va, va } from '../../../../src/base/address.ts'
import type { Out } from '../../../../src/ddi/constants.ts'
import type { DmaAdapter } from '../../../../src/ddi/dma/adapter.ts'
import { Bench, outcome } from '../bench.ts'

interface Buffer {
  readonly address: Va
  readonly logical: BusAddress
  readonly length: number
}

function open(adapter: DmaAdapter, length: number): Buffer {
  const logical: Out<BusAddress> = {}
  const address = adapter.AllocateCommonBuffer(length, logical, true)
  if (address === null || logical.value === undefined) throw new Error('no common buffer')
  return { address, logical: logical.value, length }
}

const free = (adapter: DmaAdapter, { length, logical, address }: Buffer): string =>
  outcome(() => adapter.FreeCommonBuffer(length, logical, address, true))

const lengths = fc.oneof(fc.integer({ min: 1, max: 9000 }), fc.constantFrom(1, 4087, 4088, 4089, 4096, 8184, 8192))

describe('a common buffer', () => {
  it('leaves nothing behind, and all of its bytes are the caller’s', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const before = bench.inUse
    fc.assert(
      fc.property(lengths, (length) => {
        const buffer = open(adapter, length)
        bench.kernel.memory.fill(buffer.address, length, 0xa5)
        expect(buffer.address % 4096n).toBe(0n)
        expect(free(adapter, buffer)).toBe('returned')
        expect(bench.inUse).toEqual(before)
      }),
    )
  })

  it('betrays any byte that is written beside it, within its guards', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const before = bench.inUse
    fc.assert(
      fc.property(lengths, fc.nat(4095), fc.boolean(), (length, distance, front) => {
        const buffer = open(adapter, length)
        // The guard behind ends with its page; a page stands in front.
        const room = Math.ceil((length + 8) / 4096) * 4096 - length
        const at = front ? -1 - distance : length + (distance % room)
        const place = va(buffer.address + BigInt(at))
        const [kept = 0] = bench.kernel.memory.read(place, 1)
        bench.kernel.memory.write(place, Uint8Array.of(kept ^ 0xff))
        expect(free(adapter, buffer)).toBe('0xe6/0xf')
        expect(free(adapter, buffer)).toBe('returned')
        expect(bench.inUse).toEqual(before)
      }),
    )
  })

  it('lies within its bounds or is none, and nothing is taken then', async () => {
    await using bench = await Bench.open()
    const adapter = bench.adapter()
    const before = bench.inUse
    const bound = fc.bigInt({ min: 0n, max: 1n << 28n })
    fc.assert(
      fc.property(bound, bound, fc.integer({ min: 1, max: 20_000 }), (minimum, maximum, length) => {
        const logical: Out<BusAddress> = {}
        const address = adapter.AllocateCommonBufferWithBounds(minimum, maximum, length, 0, null, 0, logical)
        const pages = BigInt(Math.ceil(length / 4096)) * 4096n
        if (address === null || logical.value === undefined) {
          // A page is kept free on each side, and the first page is never used.
          expect(maximum - minimum).toBeLessThan(pages + 3n * 4096n)
          expect([address, logical]).toEqual([null, {}])
        } else {
          expect(logical.value).toBeGreaterThanOrEqual(minimum)
          expect(logical.value + pages).toBeLessThanOrEqual(maximum)
          adapter.FreeCommonBuffer(length, logical.value, address, true)
        }
        expect(bench.inUse).toEqual(before)
      }),
    )
  })

  it('that was left is taken back and written down', async () => {
    await using bench = await Bench.open()
    open(bench.adapter(), 100)
    expect(await bench.end()).toEqual(['VER-003'])
    expect(bench.inUse).toEqual([0, 0, 0, 0])
  })
})
