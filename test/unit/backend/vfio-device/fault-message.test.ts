import { describe, expect, it } from '@jest/globals'
import { isSuppressed, parseFault } from '../../../../src/backend/vfio-device/faults/fault-message.ts'

/** As the kernel of the virtual bench printed it. */
const LINE =
  'DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr 0x5000000 [fault reason 0x05] PTE Write access is not set'
const FAULT = {
  device: '0000:01:00.0',
  address: 0x500_0000n,
  direction: 'write',
  reason: '0x05 PTE Write access is not set',
}

describe('a line of the IOMMU driver', () => {
  it('is a fault with its device, page, direction and reason', () => {
    expect(parseFault(LINE)).toEqual(FAULT)
  })

  it('tells a read from a write', () => {
    const read = LINE.replace('Write NO', 'Read NO').replace('0x05] PTE Write', '0x06] PTE Read')
    expect(parseFault(read)).toEqual({ ...FAULT, direction: 'read', reason: '0x06 PTE Read access is not set' })
  })

  it.each([
    [
      'an older kernel',
      'DMAR: [DMA Write] Request device [01:00.0] PASID ffffffff fault addr 5000000 [fault reason 05] X',
    ],
    ['a PASID', 'DMAR: [DMA Write PASID 0x1] Request device [01:00.0] fault addr 0x5000000 [fault reason 05] X'],
    [
      'a PCI segment',
      'DMAR: [DMA Write NO_PASID] Request device [0000:01:00.0] fault addr 0x5000000 [fault reason 05] X',
    ],
  ])('is understood with %s', (_, line) => {
    expect(parseFault(line)).toEqual({ ...FAULT, reason: '05 X' })
  })

  it('keeps the domain of a device that has one', () => {
    expect(parseFault(LINE.replace('01:00.0', '0002:01:00.0'))?.device).toBe('0002:01:00.0')
  })

  it('may name an address of 64 bits, and no reason in words', () => {
    const line = 'DMAR: [DMA Read NO_PASID] Request device [ff:1f.7] fault addr 0xfffffffffffff000 [fault reason 0x0c] '
    expect(parseFault(line)).toEqual({
      device: '0000:ff:1f.7',
      address: 0xffff_ffff_ffff_f000n,
      direction: 'read',
      reason: '0x0c',
    })
  })

  it.each([
    '',
    'DMAR: DRHD: handling fault status reg 2',
    'DMAR: [INTR-REMAP] Request device [01:00.0] fault index 0x0 [fault reason 0x22] x',
    'vfio-pci 0000:01:00.0: enabling device (0000 -> 0002)',
    'AMD-Vi: Event logged [IO_PAGE_FAULT device=01:00.0 domain=0x0001 address=0x5000000 flags=0x0020]',
    LINE.replace('[01:00.0]', '[one]'),
    LINE.replace('0x5000000', ''),
  ])('is no fault when it is %j', (line) => expect(parseFault(line)).toBeUndefined())
})

describe('a line that says that lines are missing', () => {
  it.each(['dmar_fault: 27 callbacks suppressed', 'DMAR: dmar_fault: 3 callbacks suppressed'])('%s', (line) => {
    expect(isSuppressed(line)).toBe(true)
  })

  it.each([LINE, 'net_ratelimit: 27 callbacks suppressed', ''])('is not %j', (line) => {
    expect(isSuppressed(line)).toBe(false)
  })
})
