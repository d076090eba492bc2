import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Chain } from '../../../src/pci/chain/chain.ts'
import { walkCapabilities } from '../../../src/pci/chain/conventional.ts'
import { walkExtendedCapabilities } from '../../../src/pci/chain/extended.ts'
import { ConfigBytes } from './config-bytes.ts'

const kinds = ({ problems }: Chain): readonly string[] => problems.map(({ kind }) => kind)
const ids = ({ links }: Chain): readonly number[] => links.map(({ id }) => id)

describe('the chain of capabilities', () => {
  it('is empty without the status bit, whatever the pointer', () => {
    const { bytes } = new ConfigBytes().put8(0x34, 0x40).capability(0x40, 0x05, 0)
    expect(walkCapabilities(bytes)).toEqual({ links: [], problems: [] })
  })

  it('is followed in the order of its pointers', () => {
    const { bytes } = new ConfigBytes().list(0x80).capability(0x80, 0x10, 0x40).capability(0x40, 0x05, 0)
    expect(walkCapabilities(bytes)).toEqual({
      links: [
        { offset: 0x80, id: 0x10 },
        { offset: 0x40, id: 0x05 },
      ],
      problems: [],
    })
  })

  it('begins elsewhere in the header of a CardBus bridge', () => {
    const { bytes } = new ConfigBytes(256, 2).list(0x40).put8(0x14, 0x90).capability(0x90, 0x01, 0)
    expect(ids(walkCapabilities(bytes))).toEqual([0x01])
  })

  it('ends at a pointer back, and says where', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x01, 0x50).capability(0x50, 0x05, 0x40)
    const chain = walkCapabilities(bytes)
    expect(ids(chain)).toEqual([0x01, 0x05])
    expect(chain.problems).toEqual([{ kind: 'loop', offset: 0x50, text: expect.stringContaining('0x40') }])
  })

  it('ends at a capability that points to itself', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x01, 0x40)
    expect(kinds(walkCapabilities(bytes))).toEqual(['loop'])
  })

  it.each([0x04, 0x3c])('ends at a pointer into the header, such as %s', (next) => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x01, next)
    const chain = walkCapabilities(bytes)
    expect(ids(chain)).toEqual([0x01])
    expect(kinds(chain)).toEqual(['pointer-low'])
  })

  it.each([0x41, 0x42, 0x43])('goes on behind the pointer %i, with its low bits dropped, and says so', (pointer) => {
    const { bytes } = new ConfigBytes().list(pointer).capability(0x40, 0x05, 0)
    const chain = walkCapabilities(bytes)
    expect(chain.links).toEqual([{ offset: 0x40, id: 0x05 }])
    expect(kinds(chain)).toEqual(['pointer-unaligned'])
  })

  it('ends where the bytes at hand end', () => {
    const { bytes } = new ConfigBytes().list(0xc8).capability(0xc8, 0x01, 0)
    const chain = walkCapabilities(bytes.subarray(0, 64))
    expect(chain.links).toEqual([])
    expect(chain.problems).toEqual([{ kind: 'truncated', offset: 0xc8, text: expect.stringContaining('64 bytes') }])
  })

  it('ends at a capability of all ones', () => {
    const { bytes } = new ConfigBytes().list(0x40).capability(0x40, 0x01, 0x50).capability(0x50, 0xff, 0xff)
    expect(kinds(walkCapabilities(bytes))).toEqual(['unreadable'])
  })

  it('ends within 48 capabilities, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 256 }), (bytes) => {
        const { links } = walkCapabilities(bytes)
        expect(links.length).toBeLessThanOrEqual(48)
        expect(new Set(links.map(({ offset }) => offset)).size).toBe(links.length)
        for (const { offset } of links)
          expect(offset >= 0x40 && offset + 2 <= bytes.length && offset % 4 === 0).toBe(true)
      }),
    )
  })

  it('has all that was put into it', () => {
    const places = fc.uniqueArray(fc.integer({ min: 0x10, max: 0x3f }), { minLength: 1, maxLength: 48 })
    fc.assert(
      fc.property(places, (words) => {
        const offsets = words.map((word) => word * 4)
        const config = new ConfigBytes().list(offsets[0] ?? 0)
        for (const [index, offset] of offsets.entries()) config.capability(offset, index, offsets[index + 1] ?? 0)
        const expected = offsets.map((offset, id) => ({ offset, id }))
        expect(walkCapabilities(config.bytes)).toEqual({ links: expected, problems: [] })
      }),
    )
  })
})

describe('the chain of extended capabilities', () => {
  it.each([0x0000_0000, 0x0000_ffff, 0xffff_ffff])('is empty where its first header is %s', (header) => {
    const { bytes } = new ConfigBytes(4096).put32(0x100, header)
    expect(walkExtendedCapabilities(bytes)).toEqual({ links: [], problems: [] })
  })

  it('is empty where there are 256 bytes only', () => {
    expect(walkExtendedCapabilities(new ConfigBytes().bytes)).toEqual({ links: [], problems: [] })
  })

  it('has ids and versions', () => {
    const { bytes } = new ConfigBytes(4096).extended(0x100, 0x0001, 0x148, 2).extended(0x148, 0x000d, 0, 9)
    expect(walkExtendedCapabilities(bytes)).toEqual({
      links: [
        { offset: 0x100, id: 0x0001, version: 2 },
        { offset: 0x148, id: 0x000d, version: 9 },
      ],
      problems: [],
    })
  })

  it.each([
    ['back', 0x100, 'loop'],
    ['into the first 256 bytes', 0x0c0, 'pointer-low'],
    ['to zeros', 0x200, 'empty'],
  ] as const)('ends at a pointer %s', (_, next, kind) => {
    const chain = walkExtendedCapabilities(new ConfigBytes(4096).extended(0x100, 0x0001, next).bytes)
    expect(ids(chain)).toEqual([0x0001])
    expect(kinds(chain)).toEqual([kind])
  })

  it('ends at a capability of all ones', () => {
    const { bytes } = new ConfigBytes(4096).extended(0x100, 0x0001, 0x200).put32(0x200, 0xffff_ffff)
    expect(kinds(walkExtendedCapabilities(bytes))).toEqual(['unreadable'])
  })

  it('ends where the bytes at hand end', () => {
    const { bytes } = new ConfigBytes(4096).extended(0x100, 0x0001, 0x800)
    expect(kinds(walkExtendedCapabilities(bytes.subarray(0, 0x400)))).toEqual(['truncated'])
  })

  it('says when a pointer is not aligned, and goes on', () => {
    const { bytes } = new ConfigBytes(4096).extended(0x100, 0x0001, 0x202).extended(0x200, 0x0003, 0)
    const chain = walkExtendedCapabilities(bytes)
    expect(ids(chain)).toEqual([0x0001, 0x0003])
    expect(kinds(chain)).toEqual(['pointer-unaligned'])
  })

  it('ends within 960 capabilities, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), (bytes) => {
        const { links } = walkExtendedCapabilities(bytes)
        expect(links.length).toBeLessThanOrEqual(960)
        expect(new Set(links.map(({ offset }) => offset)).size).toBe(links.length)
      }),
      { numRuns: 50 },
    )
  })
})
