import { describe, expect, it } from '@jest/globals'
import { faultsOf } from '../../../../src/backend/loopback/planted/defects.ts'
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

  const faults = Object.entries(faultsOf).flatMap(([model, list]) =>
    Object.entries(list).map(([name, description]) => [model, name, description] as const),
  )

  it.each(faults)('knows of %s the fault %s, which is described in a line', (model, name, description) => {
    expect([...parseLoopbackReference(`loopback:${model}?fault=${name}`).defects]).toEqual([name])
    expect(description).toMatch(/^[^\n]{10,110}$/)
  })

  it('names sg, with all address bits unless told', () => {
    expect(parseLoopbackReference('loopback:sg')).toMatchObject({ model: 'sg', dmaMask: 2n ** 64n - 1n })
    expect(parseLoopbackReference('loopback:sg?dma_mask=0xffffffff').dmaMask).toBe(0xffff_ffffn)
  })

  it.each([
    ['loopback:nvme', 'reference-unknown', /loopback:edu, loopback:sg$/],
    ['loopback:', 'reference-unknown', /loopback:edu/],
    ['loopback:edu ', 'reference-unknown', /loopback:edu/],
    ['vfio:0000:01:00.0', 'reference-unknown', /loopback:edu/],
    ['loopback:edu?fault=no-such', 'usage', /"no-such".*ident-wrong, liveness-stuck/],
    ['loopback:edu?fault=', 'usage', /ident-wrong/],
    ['loopback:sg?msi=4', 'usage', /unknown parameter msi .*valid: fault, dma_mask, entries$/],
    ['loopback:sg?fault=factorial-wrong', 'usage', /into loopback:sg; there are: .*abort-lost/],
    ['loopback:edu?fault=abort-lost', 'usage', /into loopback:edu; there are: ident-wrong/],
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
