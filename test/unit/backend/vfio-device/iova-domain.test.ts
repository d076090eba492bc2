import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type BusAddress, busAddress } from '../../../../src/base/address.ts'
import { OsError, codeOf } from '../../../../src/base/errors.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { IovaDomain, type Translation } from '../../../../src/backend/iova-domain.ts'
import { BusAllocator } from '../../../../src/device/aperture.ts'
import type { DmaCapabilities, Frames, HostMemory, Mapping, Placement } from '../../../../src/device/contract.ts'
import { ArrayMemory } from '../../../contract/loopback-bench.ts'

const FRAMES = 64
const APERTURE = { first: busAddress(0), last: busAddress(0xff_ffff) }
const memory = new ArrayMemory(FRAMES)
const frames = (indices: readonly number[]): Frames => ({ memory, indices: Uint32Array.from(indices) })
const full = (): OsError => new OsError('dma-entries-exhausted', 'full', 28, 'ioctl')

/** Page tables that remember what they were told, and fail when told to. */
class FakeTranslation implements Translation {
  readonly entries = new Map<BusAddress, { readonly offset: number; readonly length: number }>()
  /** Runs that still can be mapped. */
  room = Number.POSITIVE_INFINITY
  failsToUnmap = false
  /** Bytes that stay mapped at each call. */
  keeps = 0
  readonly calls = { map: 0, unmap: 0 }

  map(bus: BusAddress, _memory: unknown, offset: number, length: number): void {
    this.calls.map++
    if (this.entries.size >= this.room) throw full()
    this.entries.set(bus, { offset, length })
  }

  unmap(bus: BusAddress, length: number): number {
    if (this.failsToUnmap) throw new OsError('os-error', 'the device is gone', 19, 'ioctl')
    this.calls.unmap++
    let bytes = 0
    for (let at = bus; at < bus + BigInt(length);) {
      const entry = this.entries.get(at)
      if (entry === undefined) break
      this.entries.delete(at)
      bytes += entry.length
      at = busAddress(at + BigInt(entry.length))
    }
    return bytes - this.keeps
  }
}

function open(aperture = APERTURE, bits = 24): { domain: IovaDomain; translation: FakeTranslation } {
  const random = seededRandom(1n)
  const translation = new FakeTranslation()
  const allocator = new BusAllocator([aperture], bits, () => random.below(2 ** 32))
  return { domain: new IovaDomain({ addressBits: 24 } as DmaCapabilities, translation, allocator), translation }
}

function code(act: () => unknown): unknown {
  try {
    return { returned: act() }
  } catch (error) {
    return codeOf(error) ?? error
  }
}

const list = fc.uniqueArray(fc.nat(FRAMES - 1), { minLength: 1, maxLength: 20 })
const placement = fc.constantFrom<Placement>(
  { kind: 'scatter' },
  { kind: 'join' },
  { kind: 'at', bus: busAddress(0x5000) },
)

/** Frames that follow one another are one run. */
const runsIn = (indices: readonly number[]): number => indices.filter((one, i) => indices[i - 1] !== one - 1).length

describe('a domain in which the caller chooses bus addresses', () => {
  it('leads each bus page of its segments to the frame that it is for, in order', () => {
    fc.assert(
      fc.property(list, placement, (indices, where) => {
        const { domain, translation } = open()
        const mapping = domain.map(frames(indices), 'both', where)
        const pages = [...mapping.segments].flatMap(({ bus, length }) =>
          Array.from({ length: length / 4096 }, (_, page) => bus + BigInt(page * 4096)),
        )
        const reached = pages.map((page) => {
          const [bus, entry] =
            [...translation.entries].find(([from, { length }]) => from <= page && page < from + BigInt(length)) ?? []
          return bus === undefined || entry === undefined ? -1 : (entry.offset + Number(page - bus)) / 4096
        })
        expect(reached).toEqual(indices)
        expect(mapping.size).toBe(indices.length * 4096)
      }),
    )
  })

  it('makes one entry of adjacent frames, and counts them', () => {
    fc.assert(
      fc.property(list, placement, (indices, where) => {
        const { domain, translation } = open()
        const mapping = domain.map(frames(indices), 'both', where)
        expect(translation.entries.size).toBe(runsIn(indices))
        expect(domain.entries).toBe(runsIn(indices))
        expect(mapping.unmap()).toBe(indices.length * 4096)
        expect([translation.entries.size, domain.entries]).toEqual([0, 0])
      }),
    )
  })

  it('joins what follows on the bus to one segment, and only that', () => {
    fc.assert(
      fc.property(list, placement, (indices, where) => {
        const segments = [...open().domain.map(frames(indices), 'both', where).segments]
        if (where.kind !== 'scatter') expect(segments).toHaveLength(1)
        segments.forEach(({ bus }, i) => {
          const before = segments[i - 1]
          if (before !== undefined) expect(before.bus + BigInt(before.length)).not.toBe(bus)
        })
      }),
    )
  })

  it('maps all or nothing: what was mapped before a refusal is taken back, and its place is free again', () => {
    fc.assert(
      fc.property(list, fc.nat(20), placement, (indices, room, where) => {
        fc.pre(room < runsIn(indices))
        const { domain, translation } = open()
        translation.room = room
        expect(code(() => domain.map(frames(indices), 'both', where))).toBe('dma-entries-exhausted')
        expect([translation.entries.size, domain.entries]).toEqual([0, 0])
        translation.room = Number.POSITIVE_INFINITY
        const whole = { kind: 'at', bus: busAddress(0x5000) } as const
        expect(domain.map(frames(indices), 'both', whole).segments.at(0).bus).toBe(0x5000n)
      }),
    )
  })

  it('has the place of a mapping that was refused, or ended, for the next one', () => {
    // Room for five pages with a free one on each side, and for nothing else.
    const { domain, translation } = open({ first: busAddress(0), last: busAddress(0x6fff) })
    const five = frames([1, 3, 5, 7, 9])
    const map = (): Mapping => domain.map(five, 'both', { kind: 'join' })
    translation.room = 2
    expect(code(map)).toBe('dma-entries-exhausted')
    translation.room = 5
    map().unmap()
    expect(map().segments.at(0).bus).toBe(0x1000n)
    expect(code(map)).toBe('dma-outside-aperture')
  })

  it('reports the refusal beside what taking back failed with', () => {
    const { domain, translation } = open()
    translation.room = 2
    translation.failsToUnmap = true
    let thrown: unknown
    try {
      domain.map(frames([1, 3, 5]), 'both')
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ errors: [{ code: 'dma-entries-exhausted' }, expect.anything()] })
    expect(domain.entries).toBe(0)
  })

  it.each([1, 512, 65_536])(
    'maps %i frames of their own by as many calls, and by one when they are adjacent',
    (count) => {
      const wide = { memory: { ...memory, size: 131_072 * 4096 } as HostMemory }
      const apart = { ...wide, indices: Uint32Array.from({ length: count }, (_, i) => 2 * i) }
      const adjacent = { ...wide, indices: Uint32Array.from({ length: count }, (_, i) => i) }
      const everywhere = { first: busAddress(0), last: busAddress(0xffff_ffff_ffffn) }
      const calls = (what: Frames, kind: 'scatter' | 'join') => {
        const { domain, translation } = open(everywhere, 48)
        domain.map(what, 'both', { kind }).unmap()
        return [translation.calls.map, translation.calls.unmap, translation.entries.size]
      }
      expect(calls(apart, 'scatter')).toEqual([count, count, 0])
      expect(calls(apart, 'join')).toEqual([count, 1, 0])
      expect(calls(adjacent, 'scatter')).toEqual([1, 1, 0])
    },
  )

  it('takes back by one call what followed on the bus, and says so when some of it stays', () => {
    const { domain, translation } = open()
    translation.room = 3
    expect(code(() => domain.map(frames([1, 3, 5, 7]), 'both', { kind: 'join' }))).toBe('dma-entries-exhausted')
    expect(translation.calls).toEqual({ map: 4, unmap: 1 })
    translation.keeps = 4096
    let thrown: unknown
    try {
      domain.map(frames([1, 3, 5, 7]), 'both', { kind: 'join' })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ errors: [{ code: 'dma-entries-exhausted' }, { code: 'dma-unmap-short' }] })
  })

  it('gives nobody a place that the platform did not unmap all of', () => {
    // Room for one page with a free one on each side, twice.
    const { domain, translation } = open({ first: busAddress(0), last: busAddress(0x4fff) })
    translation.keeps = 4096
    const [one, other] = [domain.map(frames([1]), 'both'), domain.map(frames([1]), 'both')]
    expect([one.unmap(), other.unmap()]).toEqual([0, 0])
    expect(code(() => domain.map(frames([1]), 'both'))).toBe('dma-outside-aperture')
  })

  it.each([
    ['no frame', [], undefined, 'dma-empty'],
    ['a frame that there is not', [FRAMES], undefined, 'range-outside'],
    ['a place off a page boundary', [1], 0x5001n, 'dma-misaligned'],
    ['a place that runs over the end of all addresses', [1, 2], 0xffff_ffff_ffff_f000n, 'dma-range-overflow'],
    ['a place outside of every aperture', [1], 0x100_0000n, 'dma-outside-aperture'],
    ['a place that crosses the end of one', [1, 2], 0xff_f000n, 'dma-outside-aperture'],
  ])('refuses %s, and maps nothing', (_, indices, at, expected) => {
    const { domain, translation } = open()
    const where: Placement = at === undefined ? { kind: 'scatter' } : { kind: 'at', bus: busAddress(at) }
    expect(code(() => domain.map(frames(indices), 'both', where))).toBe(expected)
    expect([translation.entries.size, domain.entries]).toEqual([0, 0])
  })

  it('takes the last page of an aperture', () => {
    const { domain } = open()
    const last = domain.map(frames([1]), 'both', { kind: 'at', bus: busAddress(0xff_f000) })
    expect(last.segments.at(0)).toEqual({ bus: 0xff_f000n, length: 4096 })
  })

  it('unmaps a mapping once; disposing of it then is harmless', () => {
    const mapping = open().domain.map(frames([1]), 'both')
    expect(mapping.unmap()).toBe(4096)
    expect(code(() => mapping.unmap())).toBe('dma-unmapped')
    mapping[Symbol.dispose]()
  })

  it('unmaps what is left when it is closed, and maps nothing afterwards', () => {
    const { domain, translation } = open()
    const mapping = domain.map(frames([1, 3]), 'both')
    domain.map(frames([5]), 'read')
    domain.close()
    domain.close()
    expect([translation.entries.size, domain.entries]).toEqual([0, 0])
    expect(code(() => domain.map(frames([1]), 'both'))).toBe('closed')
    mapping[Symbol.dispose]()
  })

  it('is closed also when something cannot be unmapped', () => {
    const { domain, translation } = open()
    domain.map(frames([1]), 'both')
    domain.map(frames([3]), 'both')
    translation.failsToUnmap = true
    code(() => domain.close())
    expect(code(() => domain.map(frames([5]), 'both'))).toBe('closed')
  })
})
