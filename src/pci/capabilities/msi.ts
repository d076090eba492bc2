import { type RegisterSpec, address, flag, number, readUnsigned, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

const vectors = (code: number): number => 2 ** code

const control = register('MsgCtl', 2, 2, 'PCIe 7.7.1.2', [
  flag(0, 'Enable'),
  number(4, 3, 'Enabled', { value: vectors }),
  number(1, 3, 'Count', { value: vectors }),
  flag(7, '64bit'),
  flag(8, 'Maskable'),
  flag(9, 'ExtMsgData'),
  flag(10, 'ExtMsgDataEn'),
])
const MASKABLE = 0x100
const WIDE = 0x80

/** Message Signaled Interrupts, id 05 (PCIe 7.7.1); two bits of the control register decide what follows. */
export const msi: CapabilityDecoder = ({ bytes }) => {
  const flags = readUnsigned(bytes, 2, 2) ?? 0
  const data = (flags & WIDE) === 0 ? 8 : 12
  const masked = (flags & MASKABLE) !== 0
  return {
    length: masked ? data + 12 : data + 2,
    registers: [control, ...addresses(data), ...(masked ? masks(data + 4) : [])],
  }
}

const addresses = (data: number): readonly RegisterSpec[] => [
  register('Address', 4, 4, 'PCIe 7.7.1.3', [address(2, 30, 'Low')]),
  ...(data === 12 ? [register('AddressHigh', 8, 4, 'PCIe 7.7.1.4', [address(0, 32, 'High')])] : []),
  register('Data', data, 2, 'PCIe 7.7.1.5', [address(0, 16, 'Data')]),
]

const masks = (offset: number): readonly RegisterSpec[] => [
  register('Masking', offset, 4, 'PCIe 7.7.1.7', [address(0, 32, 'Vectors')]),
  register('Pending', offset + 4, 4, 'PCIe 7.7.1.8', [address(0, 32, 'Vectors')]),
]
