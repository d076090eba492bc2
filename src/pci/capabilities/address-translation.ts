import { flag, number, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

const ats = [
  register('ATSCap', 4, 2, 'PCIe 10.5.1.2', [
    // 0 stands for 32.
    number(0, 5, 'Invalidate Queue Depth', { value: (depth) => (depth === 0 ? 32 : depth) }),
    flag(5, 'PageAligned'),
    flag(6, 'GlobalInvalidate'),
  ]),
  register('ATSCtl', 6, 2, 'PCIe 10.5.1.3', [
    flag(15, 'Enable'),
    number(0, 5, 'Smallest Translation Unit', { unit: 'bytes', value: (shift) => 4096 * 2 ** shift }),
  ]),
]

/** Address Translation Services, extended id 000f (PCIe 10.5.1). */
export const addressTranslation: CapabilityDecoder = () => ({ length: 8, registers: ats })

const pasid = [
  register('PASIDCap', 4, 2, 'PCIe 7.8.9.2', [
    flag(1, 'Exec'),
    flag(2, 'Priv'),
    number(8, 5, 'Max PASID Width', { unit: 'bits' }),
  ]),
  register('PASIDCtl', 6, 2, 'PCIe 7.8.9.3', [flag(0, 'Enable'), flag(1, 'Exec'), flag(2, 'Priv')]),
]

/** Process Address Space ID, extended id 001b (PCIe 7.8.9). */
export const processAddressSpace: CapabilityDecoder = () => ({ length: 8, registers: pasid })
