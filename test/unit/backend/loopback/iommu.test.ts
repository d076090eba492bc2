import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress, va } from '../../../../src/base/address.ts'
import { codeOf } from '../../../../src/base/errors.ts'
import { type Entry, SimulatedIommu } from '../../../../src/backend/loopback/iommu.ts'
import type { DmaAccess, HostMemory } from '../../../../src/device/contract.ts'

const memory: HostMemory = {
  area: 0,
  address: va(0n),
  size: 64 * 4096,
  read: (_, length) => new Uint8Array(length),
  write: () => undefined,
}

const entry = (page: number, pages: number, frame: number, access: DmaAccess = 'both'): Entry => ({
  bus: busAddress(page * 4096),
  memory,
  offset: frame * 4096,
  length: pages * 4096,
  access,
})

/** The frame that is reached, or `refused`. */
function frameOf(iommu: SimulatedIommu, page: number, direction: 'read' | 'write' = 'read'): number | string {
  const translation = iommu.translate(page, direction)
  return translation.reached ? translation.offset / 4096 : 'refused'
}

describe('the simulated IOMMU', () => {
  it('translates like a table with an entry for each page', () => {
    const steps = fc.array(
      fc.record({ map: fc.boolean(), page: fc.nat(30), pages: fc.integer({ min: 1, max: 5 }), frame: fc.nat(50) }),
    )
    fc.assert(
      fc.property(steps, (list) => {
        const iommu = new SimulatedIommu()
        const table = new Map<number, number>()
        const entries = new Map<number, number>()
        for (const { map, page, pages, frame } of list) {
          const covered = Array.from({ length: pages }, (_, index) => index)
          if (!map) {
            const mapped = entries.get(page) ?? 0
            if (mapped === 0) continue
            expect(iommu.unmap(busAddress(page * 4096), mapped * 4096)).toBe(mapped * 4096)
            for (let index = 0; index < mapped; index++) table.delete(page + index)
            entries.delete(page)
          } else if (covered.some((index) => table.has(page + index))) {
            expect(() => iommu.map(entry(page, pages, frame))).toThrow(expect.objectContaining({ code: 'dma-overlap' }))
          } else {
            iommu.map(entry(page, pages, frame))
            for (const index of covered) table.set(page + index, frame + index)
            entries.set(page, pages)
          }
          expect(iommu.entries).toBe(entries.size)
          for (let at = 0; at < 40; at++) expect(frameOf(iommu, at)).toBe(table.get(at) ?? 'refused')
        }
      }),
    )
  })

  it.each([
    ['read', 5, 'refused'],
    ['write', 'refused', 5],
    ['both', 5, 5],
  ] as const)('grants with %s no more than that', (access, read, write) => {
    const iommu = new SimulatedIommu()
    iommu.map(entry(1, 1, 5, access))
    expect([frameOf(iommu, 1, 'read'), frameOf(iommu, 1, 'write')]).toEqual([read, write])
  })

  it('ends every entry of a range, and none of one that would cut another', () => {
    const iommu = new SimulatedIommu()
    for (const page of [10, 13, 20]) iommu.map(entry(page, 3, 0))
    for (const [page, pages] of [
      [11, 1],
      [9, 2],
      [10, 4],
      [11, 5],
      [12, 9],
    ] as const) {
      expect(() => iommu.unmap(busAddress(page * 4096), pages * 4096)).toThrow(
        expect.objectContaining({ code: 'dma-would-split' }),
      )
    }
    expect(iommu.entries).toBe(3)
    expect([iommu.unmap(busAddress(9 * 4096), 8 * 4096), iommu.entries]).toEqual([6 * 4096, 1])
    expect([frameOf(iommu, 10), frameOf(iommu, 15), frameOf(iommu, 20)]).toEqual(['refused', 'refused', 0])
    expect([iommu.unmap(busAddress(9 * 4096), 8 * 4096), iommu.entries]).toEqual([0, 1])
  })

  it('translates the last page of the address space', () => {
    const iommu = new SimulatedIommu()
    const last = 2 ** 52 - 1
    iommu.map({ ...entry(0, 1, 7), bus: busAddress(2n ** 64n - 4096n) })
    expect(frameOf(iommu, last)).toBe(7)
  })

  it('has room for 65,535 entries and says so at the next one', () => {
    const iommu = new SimulatedIommu()
    for (let page = 0; page < 65_535; page++) iommu.map(entry(page, 1, 0))
    let code
    try {
      iommu.map(entry(65_535, 1, 0))
    } catch (error) {
      code = codeOf(error)
    }
    expect([code, iommu.entries]).toEqual(['dma-entries-exhausted', 65_535])
  })
})
