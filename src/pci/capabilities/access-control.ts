import { type FieldSpec, bitsOf, choice, flag, number, readUnsigned, register } from '../register.ts'
import type { CapabilityDecoder } from '../capability.ts'

/** The same bits in capability and control (PCIe 7.7.8.2, 7.7.8.3). */
const controls: readonly FieldSpec[] = [
  flag(0, 'SrcValid'),
  flag(1, 'TransBlk'),
  flag(2, 'ReqRedir'),
  flag(3, 'CmpltRedir'),
  flag(4, 'UpstreamFwd'),
  flag(5, 'EgressCtrl'),
  flag(6, 'DirectTrans'),
]
const BLOCKING = ['Direct', 'Blocked', 'Redirected']

const registers = [
  register('ACSCap', 4, 2, 'PCIe 7.7.8.2', [
    ...controls,
    flag(7, 'Enhanced'),
    number(8, 8, 'EgressVector', { unit: 'bits' }),
  ]),
  register('ACSCtl', 6, 2, 'PCIe 7.7.8.3', [
    ...controls,
    flag(7, 'IOReqBlk'),
    choice(8, 2, 'DSPMemTarget', BLOCKING),
    choice(10, 2, 'USPMemTarget', BLOCKING),
    flag(12, 'UnclaimedReqRedir'),
  ]),
]
const EGRESS = 0x20

/** Access Control Services, extended id 000d (PCIe 7.7.8); behind it an egress vector, where there is egress control. */
export const accessControl: CapabilityDecoder = ({ bytes }) => {
  const value = readUnsigned(bytes, 4, 2) ?? 0
  // A vector of 0 bits has 256.
  const bits = (value & EGRESS) === 0 ? 0 : bitsOf(value, 8, 8) || 256
  return { length: 8 + Math.ceil(bits / 32) * 4, registers }
}
