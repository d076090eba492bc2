import { describe, expect, it } from '@jest/globals'
import { loopbackFaults } from '../../../../src/backend/loopback/planted/defects.ts'
import { parseLoopbackReference } from '../../../../src/backend/loopback/reference.ts'

describe('a loopback reference', () => {
  it('names a model, with 28 address bits and nothing planted unless told', () => {
    expect(parseLoopbackReference('loopback:edu')).toEqual({
      ref: 'loopback:edu',
      model: 'edu',
      msiVectors: 1,
      defects: new Set(),
      dmaMask: 0x0fff_ffffn,
      entries: undefined,
    })
  })

  it('plants faults and sets the mask', () => {
    const { defects, dmaMask } = parseLoopbackReference(
      'loopback:edu?fault=irq-lost,ident-wrong&dma_mask=0xffffffffffffffff',
    )
    expect([...defects]).toEqual(['irq-lost', 'ident-wrong'])
    expect(dmaMask).toBe(2n ** 64n - 1n)
    expect(parseLoopbackReference('loopback:edu?dma_mask=4095').dmaMask).toBe(4095n)
  })

  it('sets how many mappings there may be', () => {
    expect(parseLoopbackReference('loopback:edu?entries=262144').entries).toBe(262_144)
  })

  it.each(Object.entries(loopbackFaults))('knows the fault %s, which is described in a line', (name, description) => {
    expect([...parseLoopbackReference(`loopback:edu?fault=${name}`).defects]).toEqual([name])
    expect(description).toMatch(/^[^\n]{10,110}$/)
  })

  it.each([
    ['loopback:nvme', 'reference-unknown', /loopback:edu/],
    ['loopback:', 'reference-unknown', /loopback:edu/],
    ['loopback:edu ', 'reference-unknown', /loopback:edu/],
    ['vfio:0000:01:00.0', 'reference-unknown', /loopback:edu/],
    ['loopback:edu?fault=no-such', 'usage', /"no-such".*ident-wrong, liveness-stuck/],
    ['loopback:edu?fault=', 'usage', /ident-wrong/],
    ['loopback:edu?fault=toString', 'usage', /toString/],
    ['loopback:edu?fault=irq-lost&fault=irq-twice', 'usage', /twice/],
    ['loopback:edu?faults=irq-lost', 'usage', /faults.*valid: fault, dma_mask/],
    ['loopback:edu?dma_mask=0x10000000000000000', 'usage', /64 bits/],
    ['loopback:edu?dma_mask=0', 'usage', /64 bits/],
    ['loopback:edu?dma_mask=-1', 'usage', /64 bits/],
    ['loopback:edu?entries=0', 'usage', /1 to 999999999/],
    ['loopback:edu?entries=many', 'usage', /many/],
    ['loopback:edu?dma_mask=28bits', 'usage', /28bits/],
  ])('%s is %s', (ref, code, message) => {
    expect(() => parseLoopbackReference(ref)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})
