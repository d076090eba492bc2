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

/** @param fields bit 0 for egress control, 10:3 for the size of its vector, where 0 stands for 256 (PCIe 7.7.8.2) */
function vectorBits(fields: number): number {
  return bitsOf(fields, 0, 1) === 0 ? 0 : bitsOf(fields, 3, 8) || 256
}

const registers = [
  register('ACSCap', 4, 2, 'PCIe 7.7.8.2', [
    ...controls,
    flag(7, 'Enhanced'),
    // From EgressCtrl on, without which there is none.
    number(5, 11, 'EgressVector', { unit: 'bits', value: vectorBits }),
  ]),
  register('ACSCtl', 6, 2, 'PCIe 7.7.8.3', [
    ...controls,
    flag(7, 'IOReqBlk'),
    choice(8, 2, 'DSPMemTarget', BLOCKING),
    choice(10, 2, 'USPMemTarget', BLOCKING),
    flag(12, 'UnclaimedReqRedir'),
  ]),
]

/** Access Control Services, extended id 000d (PCIe 7.7.8); behind it an egress vector, where there is egress control. */
export const accessControl: CapabilityDecoder = ({ bytes }) => {
  const bits = vectorBits(bitsOf(readUnsigned(bytes, 4, 2) ?? 0, 5, 11))
  return { length: 8 + Math.ceil(bits / 32) * 4, registers }
}
