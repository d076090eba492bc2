import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { canonicalPciAddress } from '../../../src/pci/address.ts'

const digits = (value: number, count: number): string => value.toString(16).padStart(count, '0')
const parts = fc.record({
  domain: fc.integer({ min: 0, max: 0xffff_ffff }),
  bus: fc.integer({ min: 0, max: 0xff }),
  device: fc.integer({ min: 0, max: 0x1f }),
  fn: fc.integer({ min: 0, max: 7 }),
})

describe('canonicalPciAddress', () => {
  it('leaves an address as sysfs writes it alone', () => {
    fc.assert(
      fc.property(parts, ({ domain, bus, device, fn }) => {
        const address = `${digits(domain, 4)}:${digits(bus, 2)}:${digits(device, 2)}.${fn}`
        expect(canonicalPciAddress(address)).toBe(address)
        expect(canonicalPciAddress(address.toUpperCase())).toBe(address)
      }),
    )
  })

  it('puts domain 0 in front of an address without one', () => {
    expect(canonicalPciAddress('01:00.0')).toBe('0000:01:00.0')
  })

  it('drops the zeros of a domain that is written too long', () => {
    expect(canonicalPciAddress('00000001:0a:1f.7')).toBe('0001:0a:1f.7')
  })

  it.each([
    '',
    '1:00.0',
    '01:20.0',
    '01:00.8',
    '01:00',
    '000:01:00.0',
    '123456789:01:00.0',
    '0000:01:00.0 ',
    '0000:01:00.0\n',
    'vfio:0000:01:00.0',
    '0000:0g:00.0',
    '../0000:01:00.0',
  ])('takes %j for no PCI address', (text) => expect(canonicalPciAddress(text)).toBeUndefined())
})
