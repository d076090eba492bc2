import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { busAddress } from '../../../../src/base/address.ts'
import { codeOf } from '../../../../src/base/errors.ts'
import { PAGE_SIZE } from '../../../../src/base/pages.ts'
import { IdentityDomain } from '../../../../src/backend/noiommu/identity-domain.ts'
import type { Frames } from '../../../../src/device/contract.ts'
import { ArrayMemory } from '../../../contract/loopback-bench.ts'

/** Where the 16 frames lie: two huge pages' worth of adjacent ones would look like 8 to 11, these are shorter. */
const PAGES = [100, 101, 102, 103, 50, 51, 52, 53, 104, 105, 106, 107, 0x10_0000, 0x10_0001, 0x10_0002, 0x10_0003]
const memory = new ArrayMemory(PAGES.length)
const frames = (...indices: readonly number[]): Frames => ({ memory, indices: Uint32Array.from(indices) })

function open(addressBits = 64): { domain: IdentityDomain; asked: () => number } {
  let asked = 0
  const physicalFrames = (): Float64Array => (asked++, Float64Array.from(PAGES))
  return { domain: new IdentityDomain({ physicalFrames }, addressBits), asked: () => asked }
}

function code(act: () => unknown): unknown {
  try {
    return { returned: act() }
  } catch (error) {
    return codeOf(error) ?? error
  }
}

describe('a domain without an IOMMU', () => {
  it('tells each frame where it lies, and asks for that once', () => {
    const { domain, asked } = open()
    fc.assert(
      fc.property(fc.array(fc.nat(PAGES.length - 1), { minLength: 1, maxLength: 20 }), (indices) => {
        using mapping = domain.map(frames(...indices), 'both')
        const pages = [...mapping.segments].flatMap(({ bus, length }) =>
          Array.from({ length: length / PAGE_SIZE }, (_, page) => Number(bus) / PAGE_SIZE + page),
        )
        expect(pages).toEqual(indices.map((index) => PAGES[index]))
        expect(mapping.size).toBe(indices.length * PAGE_SIZE)
      }),
    )
    expect(asked()).toBe(1)
  })

  it('joins frames that are adjacent in physical memory, not in their numbers', () => {
    const { domain } = open()
    using mapping = domain.map(frames(3, 8, 4), 'both')
    expect([...mapping.segments]).toEqual([
      { bus: 103n * 4096n, length: 8192 },
      { bus: 50n * 4096n, length: 4096 },
    ])
  })

  it('says that nobody chooses addresses and nothing can be refused', () => {
    expect(open(32).domain.capabilities).toEqual({
      placement: 'identity',
      revocable: false,
      writeOnly: false,
      maxEntries: Number.MAX_SAFE_INTEGER,
      pageSize: 4096,
      apertures: [{ first: 0n, last: 0xffff_ffffn }],
      addressBits: 32,
    })
  })

  it.each([
    [32, 12, 'dma-outside-aperture'],
    [32, 0, 'mapped'],
    // the last frame that 33 bits reach
    [33, 15, 'mapped'],
  ])('with %i address bits judges frame %i: %s', (bits, frame, expected) => {
    const { domain } = open(bits)
    const outcome = code(() => domain.map(frames(0, frame), 'both').size)
    expect(outcome).toEqual(expected === 'mapped' ? { returned: 8192 } : expected)
    if (expected !== 'mapped') expect(domain.entries).toBe(0)
  })

  it('keeps what a user of less reach asks for within that reach', () => {
    const { domain } = open()
    expect(code(() => domain.map(frames(0), 'both', { kind: 'scatter', addressBits: 18 }))).toBe('dma-outside-aperture')
    using mapping = domain.map(frames(0), 'both', { kind: 'scatter', addressBits: 19 })
    expect(mapping.size).toBe(4096)
  })

  it.each([
    [{ kind: 'join' } as const, [0, 1], true],
    [{ kind: 'join' } as const, [0, 2], false],
    [{ kind: 'at', bus: busAddress(100 * 4096) } as const, [0, 1], true],
    [{ kind: 'at', bus: busAddress(101 * 4096) } as const, [0, 1], false],
  ])('gives %j for frames %j only where they lie so already', (placement, indices, there) => {
    const { domain } = open()
    const outcome = code(() => domain.map(frames(...indices), 'both', placement).size)
    expect(outcome).toEqual(there ? { returned: 8192 } : 'capability-missing')
  })

  it('refuses no frames, frames that are not there, a second unmap, and use after close', () => {
    const { domain } = open()
    const mapping = domain.map(frames(0, 4), 'read')
    const left = domain.map(frames(1), 'read')
    expect([domain.entries, mapping.unmap(), domain.entries]).toEqual([3, 8192, 1])
    expect(code(() => mapping.unmap())).toBe('dma-unmapped')
    expect(code(() => domain.map(frames(), 'read'))).toBe('dma-empty')
    expect(code(() => domain.map(frames(16), 'read'))).toBe('range-outside')
    domain.close()
    expect([domain.entries, code(() => left.unmap())]).toEqual([0, 'dma-unmapped'])
    expect(code(() => domain.map(frames(1), 'read'))).toBe('closed')
    left[Symbol.dispose]()
  })
})
