import { address, flag, number, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

const registers = [
  register('MsgCtl', 2, 2, 'PCIe 7.7.2.2', [
    flag(15, 'Enable'),
    number(0, 11, 'Count', { value: (last) => last + 1 }),
    flag(14, 'Masked'),
  ]),
  // The low three bits name a BAR, so the offset is a multiple of eight.
  register('Table', 4, 4, 'PCIe 7.7.2.3', [number(0, 3, 'BAR'), address(3, 29, 'Offset')]),
  register('PBA', 8, 4, 'PCIe 7.7.2.4', [number(0, 3, 'BAR'), address(3, 29, 'Offset')]),
]

/** MSI-X, id 11 (PCIe 7.7.2). */
export const msiX: CapabilityDecoder = () => ({ length: 12, registers })
