import { busAddress } from '../../../base/address.ts'
import type { Fault } from '../../../device/contract.ts'

/**
 * Line of Intel's IOMMU driver for a refused access (kernel: drivers/iommu/intel/dmar.c), for example
 * `DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr 0x5000000 [fault reason 0x05] PTE Write access is not set`.
 */
const FAULT =
  /DMAR: \[DMA (Read|Write)[^\]]*\] Request device \[([0-9a-f:.]+)\].*? fault addr (?:0x)?([0-9a-f]+) \[fault reason ([^\]]+)\] ?(.*)$/

/** The kernel left out lines: from here on silence proves nothing. */
const SUPPRESSED = /dmar_fault: \d+ callbacks suppressed/

/** The fault that a kernel message reports, if it reports one. PCI segment 0 is not printed by the kernel. */
export function parseFault(message: string): Fault | undefined {
  const match = FAULT.exec(message)
  if (match === null) return undefined
  const [, direction, device = '', address = '0', code = '', text = ''] = match
  return {
    device: device.length === '00:00.0'.length ? `0000:${device}` : device,
    address: busAddress(BigInt(`0x${address}`)),
    direction: direction === 'Write' ? 'write' : 'read',
    reason: `${code} ${text}`.trim(),
  }
}

export const isSuppressed = (message: string): boolean => SUPPRESSED.test(message)
