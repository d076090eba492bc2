import { type FieldSpec, type RegisterSpec, choice, flag, number, register } from '../register.ts'
import type { PortType } from '../capability.ts'

const payload = (code: number): number => 128 * 2 ** code
const L0S = ['<64ns', '<128ns', '<256ns', '<512ns', '<1us', '<2us', '<4us', 'unlimited']
const L1 = ['<1us', '<2us', '<4us', '<8us', '<16us', '<32us', '<64us', 'unlimited']
const LEGACY_OR_ENDPOINT: readonly PortType[] = [0, 1]
const UPSTREAM: PortType = 5
const TO_PCI: PortType = 7
const INTEGRATED: PortType = 9

/** Watts from value and scale; from 0xf0 on the values are reserved steps (PCIe 7.5.3.3, 7.5.3.9). */
export function powerLimit(raw: number): number | string {
  const [value, scale] = [raw % 256, Math.floor(raw / 256)]
  if (scale === 0 && value >= 0xf0) return ['250', '275', '300'][value - 0xf0] ?? 'above 300'
  return Number((value / 10 ** scale).toFixed(3))
}

/** Capabilities, control and status (PCIe 7.5.3.3 to 7.5.3.5). Some bits mean something for some types only. */
export const deviceRegisters = (type: PortType): readonly RegisterSpec[] => [
  register('DevCap', 0x04, 4, 'PCIe 7.5.3.3', [
    number(0, 3, 'MaxPayload', { unit: 'bytes', value: payload }),
    number(3, 2, 'PhantFunc', { value: (bits) => 2 ** bits - 1 }),
    ...(LEGACY_OR_ENDPOINT.includes(type) ? latencies : []),
    flag(5, 'ExtTag'),
    // Of the first version of PCI Express; no longer defined.
    flag(12, 'AttnBtn'),
    flag(13, 'AttnInd'),
    flag(14, 'PwrInd'),
    flag(15, 'RBE'),
    ...(LEGACY_OR_ENDPOINT.includes(type) || type === INTEGRATED ? [flag(28, 'FLReset')] : []),
    // Of ports that look towards the root complex.
    ...(LEGACY_OR_ENDPOINT.includes(type) || type === UPSTREAM || type === TO_PCI
      ? [number(18, 10, 'SlotPowerLimit', { unit: 'W', value: powerLimit })]
      : []),
  ]),
  register('DevCtl', 0x08, 2, 'PCIe 7.5.3.4', [
    flag(0, 'CorrErr'),
    flag(1, 'NonFatalErr'),
    flag(2, 'FatalErr'),
    flag(3, 'UnsupReq'),
    flag(4, 'RlxdOrd'),
    flag(8, 'ExtTag'),
    flag(9, 'PhantFunc'),
    flag(10, 'AuxPwr'),
    flag(11, 'NoSnoop'),
    flag(15, type === TO_PCI ? 'BrConfRtry' : 'FLReset'),
    number(5, 3, 'MaxPayload', { unit: 'bytes', value: payload }),
    number(12, 3, 'MaxReadReq', { unit: 'bytes', value: payload }),
  ]),
  register('DevSta', 0x0a, 2, 'PCIe 7.5.3.5', [
    flag(0, 'CorrErr'),
    flag(1, 'NonFatalErr'),
    flag(2, 'FatalErr'),
    flag(3, 'UnsupReq'),
    flag(4, 'AuxPwr'),
    flag(5, 'TransPend'),
  ]),
]

/** How long the function can wait for the link to leave a low-power state. */
const latencies: readonly FieldSpec[] = [choice(6, 3, 'Latency L0s', L0S), choice(9, 3, 'L1', L1)]

const RANGES = {
  0: 'Not Supported',
  1: 'Range A',
  2: 'Range B',
  3: 'Range AB',
  6: 'Range BC',
  7: 'Range ABC',
  14: 'Range BCD',
  15: 'Range ABCD',
}
const TIMEOUTS = {
  0: '50us to 50ms',
  1: '50us to 100us',
  2: '1ms to 10ms',
  5: '16ms to 55ms',
  6: '65ms to 210ms',
  9: '260ms to 900ms',
  10: '1s to 3.5s',
  13: '4s to 13s',
  14: '17s to 64s',
}

/** Of version 2 (PCIe 7.5.3.15, 7.5.3.16). */
export const deviceRegisters2: readonly RegisterSpec[] = [
  register('DevCap2', 0x24, 4, 'PCIe 7.5.3.15', [
    choice(0, 4, 'Completion Timeout', RANGES),
    flag(4, 'TimeoutDis'),
    flag(5, 'ARIFwd'),
    flag(6, 'AtomicRouting'),
    flag(7, 'Atomic32bit'),
    flag(8, 'Atomic64bit'),
    flag(9, 'Atomic128bitCAS'),
    flag(10, 'NROPrPrP'),
    flag(11, 'LTR'),
    flag(12, 'TPHComp'),
    flag(13, 'ExtTPHComp'),
    choice(14, 2, 'LN System CLS', ['Not Supported', '64 bytes', '128 bytes']),
    flag(16, '10BitTagComp'),
    flag(17, '10BitTagReq'),
    choice(18, 2, 'OBFF', ['Not Supported', 'Via message', 'Via WAKE#', 'Via message/WAKE#']),
    flag(20, 'ExtFmt'),
    flag(21, 'EETLPPrefix'),
    // From EETLPPrefix on, without which there are none.
    number(21, 3, 'MaxEETLPPrefixes', { value: (bits) => (bits % 2 === 0 ? 0 : (bits - 1) / 2 || 4) }),
    choice(24, 2, 'EmergencyPowerReduction', {
      0: 'Not Supported',
      1: 'Device Specific',
      2: 'Form Factor or Device Specific',
    }),
    flag(26, 'EmergencyPowerReductionInit'),
    flag(31, 'FRS'),
  ]),
  register('DevCtl2', 0x28, 2, 'PCIe 7.5.3.16', [
    choice(0, 4, 'Completion Timeout', TIMEOUTS),
    flag(4, 'TimeoutDis'),
    flag(5, 'ARIFwd'),
    flag(6, 'AtomicReqEn'),
    flag(7, 'AtomicEgressBlck'),
    flag(8, 'IDOReq'),
    flag(9, 'IDOCompl'),
    flag(10, 'LTR'),
    flag(11, 'EmergencyPowerReductionReq'),
    flag(12, '10BitTagReq'),
    choice(13, 2, 'OBFF', ['Disabled', 'Via message A', 'Via message B', 'Via WAKE#']),
    flag(15, 'EETLPPrefixBlk'),
  ]),
]
